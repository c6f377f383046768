"""The tmux sessions that windows are opened in: there already, or made by a person."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.config import Settings
from fleetscripts.errors import Refused

INSIDE_CLAUDE = "CLAUDECODE"
"""Set for all that a Claude session starts: a tmux server started there would end with it."""


def missing_sessions(tmux: Tmux, wanted: Iterable[str]) -> list[str]:
    """Those that do not exist, each once; all of them when no server runs."""
    try:
        known = tmux.sessions()
    except NoServer:
        known = {}
    return [name for name in dict.fromkeys(wanted) if name not in known]


def session_line(settings: Settings, session: str) -> str:
    """What a person runs to make the session."""
    socket = f" -L {shlex.quote(settings.tmux_socket)}" if settings.tmux_socket else ""
    return f"tmux{socket} new-session -d -s {shlex.quote(session)}"


def require_session(tmux: Tmux, settings: Settings, session: str) -> None:
    """Refused, with the line for a person to run, when there is no such session."""
    if missing_sessions(tmux, [session]):
        line = session_line(settings, session)
        raise Refused(f"no tmux session {session!r}; in a terminal of your own run: {line}")


def make_sessions(tmux: Tmux, settings: Settings, wanted: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """Make the missing sessions, each with a shell in its first window; their names.

    Refused inside a Claude session: the lines are for the person to run."""
    missing = missing_sessions(tmux, wanted)
    if missing and environ.get(INSIDE_CLAUDE):
        names, lines = ", ".join(missing), " && ".join(session_line(settings, name) for name in missing)
        raise Refused(f"no tmux session {names}; let the user run this in a terminal, then call again: {lines}")
    for name in missing:
        tmux.new_session(name, settings.home if settings.home.is_dir() else Path("/"))
    return missing
