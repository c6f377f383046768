"""Stops the fleet: marks it inactive and ends its loop; agents and windows stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.system.processes import read_processes
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Fleet
from fleetscripts.models import PaneFacts
from fleetscripts.services.own_pane import own_pane
from fleetscripts.services.single_instance.loop_window import WINDOW_NAME
from fleetscripts.services.single_instance.single_instance import loop_runs
from fleetscripts.services.typing.pane_io import wait_for

CLOSE_SECONDS = 1.0
"""How long tmux may take to notice that a pane's process has ended."""


@dataclass(frozen=True, slots=True)
class LoopEnd:
    """The loop's end: whether it has ended, its former window (empty: none), and a description."""

    ended: bool
    window: str
    said: str


def stop(settings: Settings, fleet: Fleet, environ: Mapping[str, str], wait_seconds: float) -> LoopEnd:
    """Set the fleet inactive, and wait for its loop to end by itself; then close its window, if it still exists.
    ``fleet`` was read before: a loop that ends removes its window from the record."""
    tmux = Tmux(settings.tmux_socket)
    place = _place(tmux, fleet)
    was_running = loop_runs(settings)
    Store(settings.state_file).update(lambda current: replace(current, active=False))
    ended = not was_running or wait_for(lambda: not loop_runs(settings), wait_seconds)
    window = place.window if place is not None else ""
    if place is not None and was_running and ended:
        wait_for(lambda: _gone(tmux, place), CLOSE_SECONDS)
    left = _close(tmux, fleet, place, environ, ended=ended) if place is not None else ""
    result = LoopEnd(ended, window, _wording(was_running, ended, window, left))
    Journal(settings.journal_file).write("fleet-stopped", window=window, outcome=result.said)
    return result


def _wording(was_running: bool, ended: bool, window: str, left: str) -> str:
    what = "no loop was running" if not was_running else "the loop has ended"
    if not ended:
        what = "the loop still finishes what it has under way, and then ends"
    if not window:
        return what
    return f"{what}; its window {window} {left or 'is closed'}"


def _place(tmux: Tmux, fleet: Fleet) -> PaneFacts | None:
    """The loop's pane, if this very tmux server gave the recorded id."""
    server = tmux.server()
    if not fleet.loop_pane_id or server is None or server != fleet.loop_tmux_server:
        return None
    return tmux.resolve(fleet.loop_pane_id)


def _close(tmux: Tmux, fleet: Fleet, place: PaneFacts, environ: Mapping[str, str], *, ended: bool) -> str:
    """Close the loop's window; returns why it was left, empty if it is gone."""
    panes = tmux.panes()
    now = next((pane for pane in panes if pane.pane_id == place.pane_id), None)
    if now is None:
        return ""
    beside = [pane for pane in panes if pane.window_id == now.window_id and pane.pane_id != now.pane_id]
    if _stands_in(now, beside, fleet, environ):
        return "is left: this command runs in it"
    if beside:
        return "is left: it has other panes"
    if ended and not now.dead and (now.window_name != WINDOW_NAME or _busy(now)):
        return f"is left: {now.command} is there, which the loop did not start"
    server = fleet.loop_tmux_server
    if server is None or not tmux.kill_pane(now.pane_id, server):
        return "could not be closed"
    return ""


def _gone(tmux: Tmux, place: PaneFacts) -> bool:
    return all(pane.pane_id != place.pane_id for pane in tmux.panes())


def _stands_in(pane: PaneFacts, beside: list[PaneFacts], fleet: Fleet, environ: Mapping[str, str]) -> bool:
    """Whether this very process runs in the window, by tmux's variables."""
    server = fleet.loop_tmux_server
    here = own_pane(environ, server) if server is not None else ""
    return here in {pane.pane_id, *(other.pane_id for other in beside)}


def _busy(pane: PaneFacts) -> bool:
    """Whether the pane's shell runs anything."""
    return any(process.pid != pane.pid for process in read_processes().tree(pane.pid))
