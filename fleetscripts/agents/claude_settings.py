"""The settings given to Claude Code besides the user's own: our hooks and our status line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.offered import choices
from fleetscripts.adapters.records.json_files import read_json
from fleetscripts.agents.kinds import InlineSettings

LARGEST_SETTINGS_BYTES = 1 << 20

# A name that a release does not know makes it refuse the whole file: only names that 2.0.45 already has.
HOOK_EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PermissionRequest",
    "Notification",
    "Stop",
    "SubagentStop",
    "PreCompact",
    "SessionEnd",
)
DENIAL_EVENT = "PermissionDenied"
"""The event of a denial by the client's own check in auto mode. Known to the releases with this mode."""
HOOK_TIMEOUT_SECONDS = 5
PERMISSION_TIMEOUT_SECONDS = 30


def settings_json(wanted: InlineSettings) -> str:
    """Text for ``--settings``. The user's other status line settings (padding) are kept."""
    settings: dict[str, Any] = {}
    hooks: dict[str, list[dict[str, Any]]] = {}
    for event in _events(wanted.executable) if wanted.hook_command else ():
        hooks[event] = [_hook(wanted.hook_command, HOOK_TIMEOUT_SECONDS)]
    if wanted.permission_command:
        hooks.setdefault("PermissionRequest", []).append(_hook(wanted.permission_command, PERMISSION_TIMEOUT_SECONDS))
    if hooks:
        settings["hooks"] = hooks
    if wanted.statusline:
        own = _own_status_line(wanted.config_dir)
        kept = {name: value for name, value in own.items() if isinstance(value, int | float | bool)}
        settings["statusLine"] = {**kept, "type": "command", "command": wanted.statusline}
    if wanted.skip_bypass_warning:
        settings["skipDangerousModePermissionPrompt"] = True
    return json.dumps(settings, ensure_ascii=False)


def _events(executable: str) -> tuple[str, ...]:
    """Those that this release knows."""
    has_check = bool(executable) and "auto" in choices(executable, "--permission-mode")
    return (*HOOK_EVENTS, DENIAL_EVENT) if has_check else HOOK_EVENTS


def _hook(command: str, timeout_seconds: int) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": command, "timeout": timeout_seconds}]}


def _own_status_line(config_dir: Path) -> dict[str, Any]:
    """The user's own setting; an invalid file is left for the client to report."""
    settings = read_json(config_dir / "settings.json", LARGEST_SETTINGS_BYTES)
    line = settings.get("statusLine") if isinstance(settings, dict) else None
    return line if isinstance(line, dict) else {}
