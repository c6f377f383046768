"""The process that holds the test lease; the lease is valid while that process lives."""

from __future__ import annotations

import os
from collections.abc import Iterator

from fleetscripts.adapters.system.processes import Process, ProcessTable, arguments, read_processes
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class LeaseOwner:
    """The process that holds a lease; ``pid`` 0 if none can be watched: then only time limits it."""

    name: str
    pid: int = 0
    start_ticks: str = ""


def caller() -> LeaseOwner:
    """The holder of a lease taken by this short command: the client above it, else only time."""
    table = read_processes()
    for process in _ancestors(table, os.getpid()):
        argv = arguments(process)
        for kind in known_kinds():
            if kind.is_client(process.command, argv):
                return LeaseOwner(f"{kind.name} (pid {process.pid})", process.pid, process.start_ticks)
    return LeaseOwner("a caller without a client")


def this_process() -> LeaseOwner:
    """The lease of a ``run``: it lives as long as this process."""
    own = read_processes().by_pid.get(os.getpid())
    return LeaseOwner(f"test-queue run (pid {os.getpid()})", os.getpid(), own.start_ticks if own is not None else "")


def _ancestors(table: ProcessTable, pid: int) -> Iterator[Process]:
    """The ancestors; the list is not of one instant, so it may form a circle."""
    seen = {pid}
    process = table.by_pid.get(pid)
    while process is not None and process.parent not in seen:
        seen.add(process.parent)
        process = table.by_pid.get(process.parent)
        if process is not None:
            yield process
