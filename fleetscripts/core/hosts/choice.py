"""On which machine something new begins."""

from __future__ import annotations

from collections.abc import Mapping

HERE = ""
"""The name of this machine among hosts."""


def by_room(free: Mapping[str, int]) -> list[str]:
    """The machines with a free worktree, most first; of equals this one, then by name."""
    return sorted((name for name, count in free.items() if count > 0), key=lambda name: (-free[name], name))
