"""Chooses the machine for new work."""

from __future__ import annotations

from collections.abc import Mapping

HERE = ""
"""This machine's name among hosts."""


def by_room(free: Mapping[str, int]) -> list[str]:
    """The machines with free worktrees, most first; among equals this one, then by name."""
    return sorted((name for name, count in free.items() if count > 0), key=lambda name: (-free[name], name))
