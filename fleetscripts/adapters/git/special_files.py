"""Pipes, sockets and devices in a worktree: git neither lists nor removes them, and reading one blocks."""

from __future__ import annotations

import os
import stat
from pathlib import Path

HEAVY = {".git", "node_modules", ".venv", "venv", ".tox", ".nox"}
"""Folders with many files that no client reads settings from."""


def is_special(path: Path) -> bool:
    """A pipe, socket or device: it has no content to keep."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def remove_special(folder: Path) -> None:
    """Remove them, ignored ones too, except from ``HEAVY`` folders."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in HEAVY]
        for path in (Path(place, name) for name in names):
            if is_special(path):
                path.unlink(missing_ok=True)
