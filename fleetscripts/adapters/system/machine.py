"""This machine's free resources: rounded, since they are sent only when they change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ROUNDED_TO = 256 << 20
"""Bytes."""


def spare(folder: Path) -> dict[str, int]:
    """Cores, load, and free bytes of memory and of the disk of ``folder``; without what cannot be read."""
    facts = {"cores": os.cpu_count() or 1, "load": round(os.getloadavg()[0])}
    try:
        facts["disk_free_bytes"] = _rounded(shutil.disk_usage(folder).free)
        rows = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = next((row for row in rows if row.startswith("MemAvailable:")), "")
        if available:
            facts["memory_free_bytes"] = _rounded(int(available.split()[1]) << 10)
    except OSError:
        return facts
    return facts


def _rounded(count: int) -> int:
    return count // ROUNDED_TO * ROUNDED_TO
