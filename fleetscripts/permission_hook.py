"""The client's ``PermissionRequest`` hook: "allow" for harmless requests, nothing for the rest.

Called as ``python -I permission_hook.py WORKTREE FLEET_HOME``. Silence lets the client's own dialog appear, also after
any error here. An approval is written to the journal first: one that cannot be recorded is not given."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

LARGEST_REQUEST_BYTES = 1_000_000
ALLOW = {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}}


def main(argv: list[str]) -> int:
    """Judge the request on standard input; always exit 0, so that the client is never disturbed."""
    try:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
        if _allowed(sys.stdin.buffer.read(LARGEST_REQUEST_BYTES + 1), Path(argv[0]), Path(argv[1])):
            print(json.dumps(ALLOW))
    except Exception as error:  # noqa: BLE001 -- whatever went wrong, a person is asked instead
        print(f"permission hook: {type(error).__name__}: {error}", file=sys.stderr)
    return 0


def _allowed(payload: bytes, worktree: Path, fleet_home: Path) -> bool:
    from fleetscripts.adapters.records.journal import Journal
    from fleetscripts.services.typing.permission import judge_request, user_command_rules

    if len(payload) > LARGEST_REQUEST_BYTES:
        return False
    request = json.loads(payload)
    tool, tool_input, cwd = request.get("tool_name"), request.get("tool_input"), request.get("cwd")
    if not (isinstance(tool, str) and isinstance(tool_input, dict) and isinstance(cwd, str)):
        return False
    rules = user_command_rules(fleet_home)
    verdict = judge_request(tool, tool_input, worktree, Path(cwd), rules, environ=os.environ)
    if verdict.allowed:
        subject = str(tool_input.get("command") or tool_input.get("file_path") or tool_input.get("path") or "")
        Journal(fleet_home / "events.jsonl").write(
            "permission", why=verdict.reason, pane=os.environ.get("TMUX_PANE"), tool=tool, subject=subject[:300],
            outcome="allowed", session_id=request.get("session_id"),
        )  # fmt: skip
    return verdict.allowed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
