"""The loop's window: opened, recorded while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Fleet
from fleetscripts.models import PaneFacts
from fleetscripts.services.clients.launch import passed_on
from fleetscripts.services.own_pane import own_pane
from fleetscripts.services.worktrees.bundle import copied_command

WINDOW_NAME = "orchestrator"
ALSO_PASSED_ON = ("DISCORD_WEBHOOK_URL", "POLL_INTERVAL", "POLL_IDLE_MAX", "HOME")


@contextmanager
def recorded(settings: Settings, environ: Mapping[str, str]) -> Iterator[PaneFacts | None]:
    """Keeps our window in ``loop_window`` while we run; None outside tmux, or in another tmux than the fleet's."""
    store = Store(settings.state_file)
    tmux = Tmux(settings.tmux_socket)
    server = tmux.server()
    pane = tmux.resolve(own_pane(environ, server)) if server is not None else None
    if pane is None:
        store.update(lambda fleet: replace(fleet, loop_window=None, loop_pane_id="", loop_tmux_server=None))
        yield None
        return
    window, pane_id = pane.window, pane.pane_id
    store.update(lambda fleet: replace(fleet, loop_window=window, loop_pane_id=pane_id, loop_tmux_server=server))
    try:
        yield pane
    finally:
        store.update(lambda fleet: _forgotten(fleet, pane_id))


def _forgotten(fleet: Fleet, pane_id: str) -> Fleet:
    if fleet.loop_pane_id != pane_id:
        return fleet
    return replace(fleet, loop_window=None, loop_pane_id="", loop_tmux_server=None)


def open_in_window(settings: Settings, session: str, arguments: list[str], environ: Mapping[str, str]) -> PaneFacts:
    """Open the loop in a window of its own, in an existing session."""
    if not session:
        raise FleetError("expected --session NAME: the state file names no tmux session")
    passed = {name: environ[name] for name in (*passed_on(), *ALSO_PASSED_ON) if environ.get(name)}
    unset = [word for kind in known_kinds() for name in kind.outer_session for word in ("-u", name)]
    command = ["/usr/bin/env", *unset, *copied_command(settings.fleet_home, arguments)]
    return Tmux(settings.tmux_socket).new_window(session, WINDOW_NAME, settings.home, command, passed)
