"""The client's hook before a tool runs and before it asks: "allow" for calls of our own scripts, nothing for all else.

Called by hooks/allow-own as ``python -I -S own_calls_hook.py BUNDLE``, with the bundle's path as the client spells it.
After any error here it is silent: the client then asks as it would without us."""

from __future__ import annotations

import json
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LARGEST_REQUEST_BYTES = 1_000_000
ALLOW: dict[str, dict[str, Any]] = {
    "PreToolUse": {
        "permissionDecision": "allow",
        "permissionDecisionReason": "a call of the fleet's own scripts",
    },
    "PermissionRequest": {"decision": {"behavior": "allow"}},
}
"""By the event that asks: in plan mode the client accepts only the second form."""
REAL_BUNDLE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def main(argv: list[str]) -> int:
    """Judge the request on standard input; always exit 0."""
    try:
        sys.path.insert(0, REAL_BUNDLE)
        payload = sys.stdin.buffer.read(LARGEST_REQUEST_BYTES + 1)
        if len(payload) <= LARGEST_REQUEST_BYTES:
            _answer(json.loads(payload), argv[0])
    except Exception:  # noqa: BLE001 -- whatever went wrong, the client asks by itself
        os._exit(0)
    os._exit(0)


def _answer(request: dict[str, Any], spelled_bundle: str) -> None:
    event = request["hook_event_name"]
    if event in ALLOW and _allowed(request, spelled_bundle):
        print(json.dumps({"hookSpecificOutput": {"hookEventName": event, **ALLOW[event]}}), flush=True)


def _allowed(request: dict[str, Any], spelled_bundle: str) -> bool:
    given, cwd = request["tool_input"], request["cwd"]
    bundles = _spellings(spelled_bundle)
    if request["tool_name"] == "Read":
        return _is_page(given["file_path"], bundles)
    if request["tool_name"] != "Bash" or not isinstance(given["command"], str) or not cwd.startswith("/"):
        return False
    from fleetscripts.core.permissions.own_calls import only_own_calls

    return only_own_calls(given["command"], os.environ["HOME"], cwd, lambda path: _script_at(path, bundles))


def _spellings(spelled_bundle: str) -> set[str]:
    """The bundle's path as the client spells it, its real one, and the user's skill links to it."""
    found = {REAL_BUNDLE, spelled_bundle}
    for config in {os.path.join(os.environ["HOME"], ".claude"), os.environ.get("CLAUDE_CONFIG_DIR", "")} - {""}:
        skills = os.path.join(config, "skills")
        if os.path.isdir(skills):
            found |= {os.path.join(skills, name) for name in os.listdir(skills)}
    return {path for path in found if path.startswith("/") and os.path.realpath(path) == REAL_BUNDLE}


def _script_at(path: str, bundles: set[str]) -> str | None:
    """Our script at an absolute path or, for a bare name, the plugin's own command."""
    if "/" not in path:
        return _plugin_command(path)
    folder, _, name = path.rpartition("/")
    if folder not in {f"{bundle}/scripts" for bundle in bundles}:
        return None
    return name if _is_ours(path, os.path.join(REAL_BUNDLE, "scripts", name)) else None


def _plugin_command(word: str) -> str | None:
    """``fleet-NAME``: unless another program of that name is found first. The client adds the plugin's bin folder."""
    ours = os.path.join(REAL_BUNDLE, "bin", word)
    if not word.startswith("fleet-") or not _is_ours(ours, ours):
        return None
    for folder in os.environ.get("PATH", "").split(":"):
        there = os.path.join(folder, word)
        if not folder.startswith("/"):
            return None
        if os.path.lexists(there):
            return word[6:] if os.path.realpath(there) == os.path.realpath(ours) else None
    return word[6:] if os.environ.get("CLAUDE_PLUGIN_ROOT") else None


def _is_ours(path: str, real: str) -> bool:
    """Whether the path leads to this very program file of the bundle."""
    return os.path.realpath(path) == os.path.realpath(real) and os.access(real, os.X_OK) and os.path.isfile(real)


def _is_page(path: object, bundles: set[str]) -> bool:
    """Whether it reads a page of the skill."""
    if not isinstance(path, str) or not path.endswith(".md"):
        return False
    folder = path.rpartition("/")[0]
    if folder not in {f"{bundle}/{part}" for bundle in bundles for part in ("skill", "skill/briefing")}:
        return False
    return stat.S_ISREG(os.lstat(path).st_mode)


if __name__ == "__main__":
    main(sys.argv[1:])
