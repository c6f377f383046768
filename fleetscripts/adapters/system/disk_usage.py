"""A folder's disk usage: blocks of its files, hard links once, symbolic links not followed, other file systems left
out."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fleetscripts.dataclass import dataclass

BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """``whole`` False: time ran out before all was counted."""

    bytes: int
    whole: bool = True

    @property
    def words(self) -> str:
        """``1.2 GB``; ``>1.2 GB`` for an incomplete count."""
        size, unit = float(self.bytes), "B"
        for larger in ("kB", "MB", "GB", "TB"):
            if size < 1000:
                break
            size, unit = size / 1000, larger
        return f"{'' if self.whole else '>'}{size:.{0 if unit in ('B', 'kB') or size >= 100 else 1}f} {unit}"


def disk_usage(folder: Path, until: float) -> DiskUsage:
    """As it is now. ``until``: on the monotonic clock, when to stop. What cannot be read counts nothing."""
    used, seen, device = 0, set[int](), _device(folder)
    left = [str(folder)]
    while left:
        if time.monotonic() > until:
            return DiskUsage(used, whole=False)
        try:
            entries = list(os.scandir(left.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if facts.st_dev != device or facts.st_ino in seen:
                continue
            if facts.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                seen.add(facts.st_ino)
            used += facts.st_blocks * BLOCK_BYTES
            if entry.is_dir(follow_symlinks=False):
                left.append(entry.path)
    return DiskUsage(used)


def _device(folder: Path) -> int:
    try:
        return folder.stat().st_dev
    except OSError:
        return -1
