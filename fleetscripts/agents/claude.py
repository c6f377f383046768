"""Claude Code: its launch and resume lines, its settings, and where its evidence lies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fleetscripts.adapters.git.offered import choices, lacks
from fleetscripts.agents.claude_typed import typed_text
from fleetscripts.agents.kinds import CommandLine, EndingKey, Launch, Places, SessionView
from fleetscripts.errors import UsageProblem
from fleetscripts.models import Client

OUTER_SESSION = ("CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_SESSION_ID", "CLAUDE_PID")
"""Marks of the session that starts us: a client that inherits them saves no transcript and cannot be resumed."""

# A name that a release does not know makes it refuse the whole file: only such as 2.0.45 has already.
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
HOOK_TIMEOUT_SECONDS = 5
_SAME_MODE = {"manual": "default", "default": "manual"}


class ClaudeCode:
    """Claude Code, native binary or npm build."""

    name = "claude"
    commands = frozenset({"claude", "node"})
    takes_session_id = True
    queue_key = "Enter"
    # Ctrl-C at a wall first gives up waiting for the reset, then asks to be pressed again within a second, then ends.
    ending = (EndingKey("limit menu", "Escape"), EndingKey("empty box", "C-c"))

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """The native binary, or node running the npm build's entry file."""
        if command == "claude" or (argv and argv[0].rpartition("/")[2] == "claude"):
            return True
        return command in ("node", "MainThread") and any(
            word.endswith(("/claude", "/claude-code/cli.js", "/claude-code/cli.mjs")) for word in argv[1:3]
        )

    def launch(self, launch: Launch) -> CommandLine:
        """A new conversation under the given session id."""
        return _command(launch, ("--session-id", launch.session_id) if launch.session_id else ())

    def resume(self, launch: Launch) -> CommandLine:
        """The same conversation; mode and settings are not remembered by the client, so they are given again."""
        return _command(launch, ("--resume", launch.session_id) if launch.session_id else ("--continue",))

    def needs(self, places: Places) -> tuple[str, ...]:
        """None: what Claude Code reads has names that are known."""
        return ()

    def typed_text(self, record: Mapping[str, Any]) -> str | None:
        """Messages, and those that were queued or taken into a turn in progress."""
        return typed_text(record)

    def look(self, client: Client, places: Places, now: float, session_id: str | None = None) -> SessionView:
        """Registry record, transcript and hook events of a live client."""
        from fleetscripts.agents import claude_session

        return claude_session.look(client, places, session_id)


def _command(launch: Launch, session: tuple[str, ...]) -> CommandLine:
    argv = [launch.executable, *session]
    if session[:1] == ("--session-id",) and lacks(launch.executable, session[0]):
        raise UsageProblem(f"expected a Claude Code that takes {session[0]}, 2.0 or later, found {launch.executable}")
    if launch.permission_mode:
        argv += ["--permission-mode", _mode(launch)]
    if launch.name and not lacks(launch.executable, "--name"):
        argv += ["-n", launch.name]
    if launch.settings:
        argv += ["--settings", launch.settings]
    bypass_as_root = launch.as_root and launch.permission_mode == "bypassPermissions"
    return CommandLine(
        argv=(*argv, *launch.extra),
        env_set={"IS_SANDBOX": "1"} if bypass_as_root else {},
        env_unset=OUTER_SESSION,
    )


def _mode(launch: Launch) -> str:
    """The permission mode by the name that this release has for it."""
    known = choices(launch.executable, "--permission-mode")
    other = _SAME_MODE.get(launch.permission_mode, launch.permission_mode)
    return other if launch.permission_mode not in known and other in known else launch.permission_mode


def settings_json(
    hook_command: str | None = None,
    *,
    statusline: str | None = None,
    skip_bypass_warning: bool = False,
    permission_command: str | None = None,
    permission_timeout_seconds: int = 30,
    more: Mapping[str, Any] | None = None,
) -> str:
    """Text for ``--settings``: merged by the client with the user's own settings, whose files stay untouched.

    ``hook_command`` and ``permission_command`` are shell lines, quoted by the caller (``shlex.join``); the second
    answers ``PermissionRequest``. ``statusline`` replaces the user's own status line."""
    settings: dict[str, Any] = dict(more or {})
    hooks: dict[str, list[dict[str, Any]]] = {}
    for event in HOOK_EVENTS if hook_command else ():
        hooks[event] = [_hook(hook_command or "", HOOK_TIMEOUT_SECONDS)]
    if permission_command:
        hooks.setdefault("PermissionRequest", []).append(_hook(permission_command, permission_timeout_seconds))
    if hooks:
        settings["hooks"] = {**settings.get("hooks", {}), **hooks}
    if statusline:
        settings["statusLine"] = {**settings.get("statusLine", {}), "type": "command", "command": statusline}
    if skip_bypass_warning:
        settings["skipDangerousModePermissionPrompt"] = True
    return json.dumps(settings, ensure_ascii=False)


def _hook(command: str, timeout_seconds: int) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": command, "timeout": timeout_seconds}]}


KIND = ClaudeCode()
