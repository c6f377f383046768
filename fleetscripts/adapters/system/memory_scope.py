"""The memory-limited group of an agent's window: a systemd scope or a control group of our own. The kernel counts its
kills in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fleetscripts.adapters.system.processes import content_of
from fleetscripts.dataclass import dataclass
from fleetscripts.models import MemoryScope

PREFIX = "fleet-agent-"
PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted version of control groups, and its file names. ``swap``: none if one limit covers both."""

    root: Path
    limit: str
    used: str
    events: str
    swap: str


V1 = Hierarchy(
    CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control",
    "memory.memsw.limit_in_bytes",
)  # fmt: skip
V2 = Hierarchy(CGROUPS, "memory.max", "memory.current", "memory.events", "memory.swap.max")


def memory_groups(pid: int | str) -> Iterator[tuple[Hierarchy, Path]]:
    """The memory groups of a process, below the root of their hierarchy; empty if there are none."""
    return _groups_in(_membership(pid))


def _membership(pid: int | str) -> str:
    """What the system says of the groups that hold a process."""
    return os.fsdecode(content_of(f"{PROC}/{pid}/cgroup"))


def _groups_in(membership: str) -> Iterator[tuple[Hierarchy, Path]]:
    for _, controllers, path in (row.split(":", 2) for row in membership.splitlines()):
        if controllers == "" or "memory" in controllers.split(","):
            yield (V1 if controllers else V2), Path(path.lstrip("/"))


def scope_of(pid: int) -> MemoryScope | None:
    """The scope made for this process; None if it is in none."""
    membership = _membership(pid)
    if PREFIX not in membership:
        return None
    for hierarchy, path in _groups_in(membership):
        if path.name.startswith(PREFIX):
            folder = hierarchy.root / path
            try:
                limit = int((folder / hierarchy.limit).read_text())
                counts = dict(row.split() for row in (folder / hierarchy.events).read_text().splitlines())
                return MemoryScope(path.name, limit, int(counts["oom_kill"]))
            except (OSError, ValueError, KeyError):
                continue  # no limit there, or a kernel that does not count
    return None
