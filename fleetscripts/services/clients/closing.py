"""Closing an agent's window, and being sure that what ran there has ended before its worktree is touched."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleetscripts.adapters.system.processes import Process, read_processes
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.errors import FleetError, Refused
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneFacts, ServerId
from fleetscripts.services.observe.agent_pane import pane_of
from fleetscripts.services.own_pane import own_pane

HANGUP_SECONDS = 5.0
"""A client saves its transcript when its terminal goes; the real ones take under a second."""

KILLED_SECONDS = 5.0
_LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Window:
    """A window that stands, with all its panes."""

    server: ServerId
    panes: tuple[PaneFacts, ...]

    @property
    def window_id(self) -> str:
        return self.panes[0].window_id


def window_of(tmux: Tmux, agent: Agent, folder: Path) -> Window | None:
    """The agent's window, None when it is gone. A record without ids is believed only if a pane works in the folder."""
    server = tmux.server()
    panes = tmux.panes()
    pane = pane_of(agent, panes, server)
    if pane is None or server is None:
        return None
    found = tuple(known for known in panes if known.window_id == pane.window_id)
    if not agent.pane_id and not any(_inside(known.path, folder) for known in found):
        return None
    return Window(server, found)


def refuse_own(window: Window, fleet: Fleet, environ: Mapping[str, str]) -> None:
    """Refuse to close the window that we, or the fleet's loop, run in."""
    here = own_pane(environ, window.server)
    loop = fleet.loop_pane_id if fleet.loop_tmux_server == window.server else None
    for pane in window.panes:
        if pane.pane_id == here:
            raise Refused(f"{pane.window} is the window this command runs in: call it from another")
        if pane.pane_id == loop:
            raise Refused(f"the run loop runs in {pane.window}: move or stop it first")


def close(tmux: Tmux, window: Window) -> None:
    """Close the window; return when all that ran in it has ended, by force if it must."""
    table = read_processes()
    running = [process for pane in window.panes for process in table.tree(pane.pid)]
    tmux.kill_window(window.window_id, window.server)
    left = _left_after(running, HANGUP_SECONDS)
    for process in left:
        _kill(process)
    if stubborn := _left_after(left, KILLED_SECONDS):
        raise FleetError(f"process {stubborn[0].pid} ({stubborn[0].command!r}) does not end: the worktree is untouched")


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


def _kill(process: Process) -> None:
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise FleetError(f"process {process.pid} of the closed window is not ours to end") from error


def _inside(path: str, folder: Path) -> bool:
    return bool(path) and Path(os.path.realpath(path)).is_relative_to(folder)
