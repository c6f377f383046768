"""Where in tmux this process runs, from the variables that tmux sets."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.models import ServerId


class TerminalPlace(StrEnum):
    """How a pane can be shown here: the tmux client switches, it cannot, or the terminal attaches."""

    INSIDE = "inside"
    OTHER_TMUX = "other tmux"
    OUTSIDE = "outside"


def terminal_place(environ: Mapping[str, str], server: ServerId) -> TerminalPlace:
    """By ``TMUX``, which tmux sets for its children."""
    words = environ.get("TMUX", "").rsplit(",", 2)
    if len(words) != 3:
        return TerminalPlace.OUTSIDE
    return TerminalPlace.INSIDE if words[1] == str(server.pid) else TerminalPlace.OTHER_TMUX


def own_pane(environ: Mapping[str, str], server: ServerId) -> str:
    """The pane of this process, if it is on this server; else empty."""
    return environ.get("TMUX_PANE", "") if terminal_place(environ, server) is TerminalPlace.INSIDE else ""


def own_session(environ: Mapping[str, str], tmux: Tmux) -> str:
    """The session of this process; empty outside this tmux server."""
    try:
        pane = tmux.resolve(own_pane(environ, tmux.require_server()))
    except NoServer:
        return ""
    return pane.session if pane is not None else ""
