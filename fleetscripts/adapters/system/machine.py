"""What this machine has to spare: rounded, since it is told only when it changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEBIBYTE = 1 << 20
ROUNDED_TO = 256
"""Mebibytes."""


def spare(folder: Path) -> dict[str, float]:
    """Cores, load, and mebibytes of memory and of the disk that ``folder`` lies on; without what cannot be read."""
    facts: dict[str, float] = {"cores": os.cpu_count() or 1, "load": round(os.getloadavg()[0])}
    try:
        facts["disk_free_mib"] = _rounded(shutil.disk_usage(folder).free)
        rows = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = next((row for row in rows if row.startswith("MemAvailable:")), "")
        if available:
            facts["memory_free_mib"] = _rounded(int(available.split()[1]) << 10)
    except OSError:
        return facts
    return facts


def _rounded(count: int) -> int:
    """Mebibytes of so many bytes."""
    return count // MEBIBYTE // ROUNDED_TO * ROUNDED_TO
