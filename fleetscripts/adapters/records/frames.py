"""The folder of saved screens: bounded in number and size, for the user alone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import cache, encode

MOST_FRAMES = 60
LARGEST_FRAME_BYTES = 131072
AGAIN_AFTER_SECONDS = 3600.0


def keep_frame(fleet_home: Path, case: str, entry: Mapping[str, Any]) -> Path | None:
    """Write one frame; None if this case was saved within the hour, the entry is too large, or the write fails.
    ``case`` is the reason for saving, so that one long disagreement takes one place."""
    folder = fleet_home / "frames"
    path = folder / f"{hashlib.sha256(case.encode('utf-8', 'replace')).hexdigest()[:24]}.json"
    content = encode(entry, indent=True)
    if len(content) > LARGEST_FRAME_BYTES or _age(path) < AGAIN_AFTER_SECONDS:
        return None
    return path if cache(path, content, MOST_FRAMES) else None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
