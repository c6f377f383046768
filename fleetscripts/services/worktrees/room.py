"""Whether the machine has memory and disk for another agent: the table ``[machine]`` of config.toml, off by default."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from fleetscripts.adapters.git.worktrees import worktrees
from fleetscripts.adapters.system.disk_usage import DiskUsage, disk_usage
from fleetscripts.adapters.system.machine import free_memory, largest_processes
from fleetscripts.adapters.system.memory_scope import scope_of
from fleetscripts.config import Settings
from fleetscripts.config_table import Table
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import FleetError, Refusal, UsageProblem
from fleetscripts.invocation import spelled

TABLE = "machine"
SHOWN = 3
LEAST_AGENT_MEMORY = 64_000_000
"""With less, not even the shell that starts a client is sure to survive."""
COUNTING_SECONDS = 5.0
"""For measuring what uses the disk, only if too little is free."""


def least_room(settings: Settings) -> tuple[int, int]:
    """Bytes of memory and disk that must be free for an agent, 0 for any; UsageProblem names an invalid size."""
    agent_memory(settings)
    table = _table(settings)
    return table.size("free_memory"), table.size("free_disk")


def agent_memory(settings: Settings) -> int:
    """Limit in bytes for an agent's client and its tools together, 0 for none; UsageProblem names an invalid one."""
    table = _table(settings)
    size = table.size("agent_memory")
    if 0 < size < LEAST_AGENT_MEMORY:
        raise UsageProblem(
            f"machine.agent_memory in config.toml: expected at least {_words(LEAST_AGENT_MEMORY)}, found {_words(size)}"
        )
    return size


def unlimited_note(settings: Settings, pid: int) -> str:
    """Says that this process's window lacks a configured memory limit; empty if all is well."""
    unlimited = agent_memory(settings) and scope_of(pid) is None
    return f"its memory is not limited: {spelled('setup')} --check says why" if unlimited else ""


def _table(settings: Settings) -> Table:
    return Table.of(settings.extra, TABLE).only(("free_memory", "free_disk", "agent_memory"))


def refuse_without_room(settings: Settings, folder: Path) -> None:
    """Refusal if less memory, or disk at this repository, is free than configured."""
    least_memory, least_disk = least_room(settings)
    left = free_memory() if least_memory else None
    if left is not None and left < least_memory:
        most = [f"{name} (pid {pid}) {_words(size)}" for name, pid, size in largest_processes(SHOWN)]
        raise Refusal(_lacking("memory", least_memory, left, most))
    if least_disk and (disk_left := _free_disk(folder)) < least_disk:
        raise Refusal(_lacking(f"disk where {folder} lies", least_disk, disk_left, _largest_worktrees(folder)))


def _lacking(what: str, least: int, left: int, most: Sequence[str]) -> str:
    used = f"; most is used by {', '.join(most)}" if most else ""
    return sanitize(f"no agent is started: expected {_words(least)} of free {what}, found {_words(left)}{used}")


def _free_disk(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise FleetError(f"the free disk of {folder} cannot be measured: {error.strerror}") from error


def _largest_worktrees(folder: Path) -> list[str]:
    until = time.monotonic() + COUNTING_SECONDS
    try:
        places = [Path(place.path) for place in worktrees(folder)]
    except FleetError:
        return []
    sizes = sorted(((disk_usage(place, until), place) for place in places), key=lambda one: -one[0].bytes)
    return [f"{place.name} {size.words}" for size, place in sizes[:SHOWN]]


def _words(size: int) -> str:
    return DiskUsage(size).words
