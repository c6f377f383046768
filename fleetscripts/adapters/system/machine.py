"""This machine's free resources, and which processes use the most memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fleetscripts.adapters.system.memory_scope import PROC, memory_groups

ROUNDED_TO = 256 << 20
"""Bytes."""


def spare(folder: Path) -> dict[str, int]:
    """Cores, load, and free bytes of memory and of the disk of ``folder``; without what cannot be read. Rounded, since
    they are sent only when they change."""
    facts = {"cores": os.cpu_count() or 1, "load": round(os.getloadavg()[0])}
    try:
        facts["disk_free_bytes"] = _rounded(shutil.disk_usage(folder).free)
    except OSError:
        return facts
    for free in _of_the_machine():
        facts["memory_free_bytes"] = _rounded(free)
    return facts


def _rounded(count: int) -> int:
    return count // ROUNDED_TO * ROUNDED_TO


def free_memory() -> int | None:
    """Bytes available: on the machine, and below the limit of every control group around us. None if unknown."""
    return min((left for left in (*_of_the_machine(), *_of_our_groups())), default=None)


def largest_processes(count: int) -> list[tuple[str, int, int]]:
    """The processes with the most private memory: command, pid and bytes, at most so many."""
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            try:
                resident, shared = map(int, (folder / "statm").read_text().split()[1:3])
                command = (folder / "comm").read_text(errors="replace").strip()
            except (OSError, ValueError):
                continue  # it has ended meanwhile
            found.append((command, int(folder.name), (resident - shared) * os.sysconf("SC_PAGE_SIZE")))
    return sorted(found, key=lambda one: -one[2])[:count]


def _of_the_machine() -> Iterator[int]:
    try:
        rows = (PROC / "meminfo").read_text().splitlines()
    except OSError:
        return
    yield from (int(row.split()[1]) * 1024 for row in rows if row.startswith("MemAvailable:"))


def _of_our_groups() -> Iterator[int]:
    """The least left below the limit of any group around us; a container has one."""
    for hierarchy, place in memory_groups("self"):
        for group in (place, *place.parents):
            folder = hierarchy.root / group
            try:
                most, used = (int((folder / name).read_text()) for name in (hierarchy.limit, hierarchy.used))
            except (OSError, ValueError):
                continue  # no limit, or a group that is not shown to us
            yield max(0, most - used)
