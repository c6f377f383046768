"""Closing a window that we opened, and seeing that what ran there has ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from fleetscripts.adapters.processes import Process, read_processes
from fleetscripts.errors import FleetError
from fleetscripts.models import PaneFacts
from fleetscripts.services.desk import Desk, wait_for

END_SECONDS = 5.0


def close_window(desk: Desk, facts: PaneFacts) -> None:
    """Close the window and wait for its processes: one that outlives its terminal would still write in the worktree."""
    ran = list(read_processes().tree(facts.pid))
    desk.tmux.kill_window(facts.window_id, desk.server)
    if wait_for(lambda: not _alive(ran), END_SECONDS):
        return
    for process in _alive(ran):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGKILL)
    if not wait_for(lambda: not _alive(ran), END_SECONDS):
        left = ", ".join(f"{process.command} (pid {process.pid})" for process in _alive(ran))
        raise FleetError(f"the window of {facts.window} is closed, but still running: {left}")


def _alive(ran: list[Process]) -> list[Process]:
    now = read_processes().by_pid
    same = [old for old in ran if old.pid in now and now[old.pid].start_ticks == old.start_ticks]
    return [old for old in same if not now[old.pid].status.startswith("Z")]
