"""Closes an agent's pane and makes sure that its processes have ended before the worktree is touched; likewise the
background process of a conversation that a client is to open."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.system.processes import Process, read_processes, read_trees
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneFacts, ServerId
from fleetscripts.services.observe.agent_pane import own_pane_of
from fleetscripts.services.observe.conversations import open_conversations
from fleetscripts.services.observe.servers import server_at_work
from fleetscripts.services.observe.user_services import own_tree
from fleetscripts.services.own_pane import own_pane

HANGUP_SECONDS = 5.0
"""A client saves its transcript when its terminal closes; real ones take under a second."""

KILLED_SECONDS = 5.0
ENDING_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class PaneToClose:
    """A pane to close, on the server asked for it. Other panes in its window are not ours."""

    server: ServerId
    pane: PaneFacts


def place_of(tmux: Tmux, agent: Agent, folder: Path) -> PaneToClose | None:
    """The agent's pane, None if it is certainly gone: by its own server's word, or because that is provably dead.
    ``tmux`` is asked for a record without ids, which is trusted only if that pane works in the folder."""
    asked = server_at_work(agent.tmux_server if agent.pane_id else None, tmux)
    if asked is None:
        return None
    server = asked.require_server()
    pane = own_pane_of(agent, asked.panes(), server, str(folder))
    return None if pane is None else PaneToClose(server, pane)


def refuse_own(place: PaneToClose, fleet: Fleet, environ: Mapping[str, str]) -> None:
    """Refuse to close the pane of this process or of the fleet's loop."""
    loop = fleet.loop_pane_id if fleet.loop_tmux_server == place.server else None
    if place.pane.pane_id == own_pane(environ, place.server):
        raise Refusal(f"{place.pane.window} is the window this command runs in: call it from another")
    if place.pane.pane_id == loop:
        raise Refusal(f"the run loop runs in {place.pane.window}: move or stop it first")


def close(place: PaneToClose) -> None:
    """Close the pane; return once all its processes have ended, by force if necessary, and it is known to be gone."""
    running = list(own_tree(read_processes(), place.pane.pid))
    tmux = Tmux(place.server.socket)
    tmux.kill_pane(place.pane.pane_id, place.server)
    end(running, HANGUP_SECONDS)
    asked = server_at_work(place.server, tmux)
    if asked is not None and any(pane.pane_id == place.pane.pane_id for pane in asked.panes()):
        raise Refusal(f"tmux did not close pane {place.pane.pane_id} ({place.pane.window}): close it, then call again")


def end(processes: Sequence[Process], grace_seconds: float) -> None:
    """Return once these have ended: by themselves within the grace period, else by force."""
    left = _left_after(processes, grace_seconds)
    for process in left:
        _signal(process, signal.SIGKILL)
    if stubborn := _left_after(left, KILLED_SECONDS):
        raise FleetError(f"process {stubborn[0].pid} ({stubborn[0].command!r}) does not end: the worktree is untouched")


def ends_by_itself(pid: int) -> bool:
    """Whether this process ends within a moment, as a client does whose window has just been closed."""
    return not _left_after([one for one in read_trees([pid]).by_pid.values() if one.pid == pid], ENDING_SECONDS)


def ask_to_end(processes: Sequence[Process]) -> None:
    """Send each SIGTERM."""
    for process in _running(processes):
        _signal(process, signal.SIGTERM)


def _left_after(processes: Sequence[Process], seconds: float) -> list[Process]:
    """Those that still run after the time, or none as soon as all have ended."""
    deadline = time.monotonic() + seconds
    while left := _running(processes):
        if time.monotonic() > deadline:
            return left
        time.sleep(_LOOK_EVERY_SECONDS)
    return []


def _running(processes: Sequence[Process]) -> list[Process]:
    if not processes:
        return []
    now = read_processes().by_pid
    return [
        process
        for process in processes
        if (seen := now.get(process.pid))
        and seen.start_ticks == process.start_ticks
        and not seen.status.startswith("Z")
    ]


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise FleetError(f"process {process.pid} ({process.command!r}) is not ours to end") from error


def free_conversation(settings: Settings, agent: Agent, panes: Sequence[PaneFacts]) -> None:
    """End the background process that holds the agent's conversation; Refusal if it is at work, or open in a
    terminal."""
    known = open_conversations(settings, panes, time.time()).get(agent.session_id) if agent.session_id else None
    if known is None:
        return
    if not known.at_rest_behind:
        raise Refusal(f"{agent.called}: its conversation is open in {known.place}")
    holder = [process for process in read_trees([known.pid]).by_pid.values() if process.pid == known.pid]
    ask_to_end(holder)
    end(holder, HANGUP_SECONDS)
