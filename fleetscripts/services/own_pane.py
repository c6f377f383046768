"""The pane that this process runs in, from the variables that tmux sets."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.models import ServerId


def own_pane(environ: Mapping[str, str], server: ServerId) -> str:
    """The pane of this process, if it is on this server; else empty."""
    words = environ.get("TMUX", "").rsplit(",", 2)
    return environ.get("TMUX_PANE", "") if len(words) == 3 and words[1] == str(server.pid) else ""


def own_session(environ: Mapping[str, str], tmux: Tmux) -> str:
    """The session of this process; empty outside this tmux server."""
    try:
        pane = tmux.resolve(own_pane(environ, tmux.require_server()))
    except NoServer:
        return ""
    return pane.session if pane is not None else ""
