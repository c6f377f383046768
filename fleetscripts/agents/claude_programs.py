"""Identifies Claude Code's processes by name. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_PROGRAMS = ("claude", "claude.exe")
"""The second is in the npm package on every system; it starts background sessions."""
_CLAIMED = "claude bg-spare"
"""A pre-started process's own name, which it keeps once it has a session."""
_SERVICES = ("daemon", "bg-pty-host")


def is_client(command: str, argv: Sequence[str]) -> bool:
    """Whether it is a session, in a terminal or in the background."""
    program = argv[0].rpartition("/")[2] if argv else command
    if argv[1:2] and argv[1] in _SERVICES:
        return False
    if command == "claude" or program in (*_PROGRAMS, _CLAIMED):
        return True
    return command in ("node", "MainThread") and any(
        word.endswith(("/claude", "/claude-code/cli.js", "/claude-code/cli.mjs")) for word in argv[1:3]
    )


def is_daemon(argv: Sequence[str]) -> bool:
    """Whether it is the daemon for the sessions of the agents view."""
    return bool(argv) and argv[0].rpartition("/")[2] in _PROGRAMS and list(argv[1:2]) == ["daemon"]
