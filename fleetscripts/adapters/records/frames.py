"""The folder of kept screens: bounded in number and size, for the user alone."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.files import private_folder

MOST_FRAMES = 60
LARGEST_FRAME_BYTES = 131072
AGAIN_AFTER_SECONDS = 3600.0


def keep_frame(fleet_home: Path, case: str, entry: Mapping[str, Any]) -> Path | None:
    """Write one frame; None when this case was kept within the hour, the entry is too large, or nothing can be written.

    ``case`` names what is special, so that one long disagreement fills one place."""
    folder = fleet_home / "frames"
    path = folder / f"{hashlib.sha256(case.encode('utf-8', 'replace')).hexdigest()[:24]}.json"
    content = json.dumps(entry, ensure_ascii=False, indent=1).encode("utf-8", "replace")
    if len(content) > LARGEST_FRAME_BYTES or _age(path) < AGAIN_AFTER_SECONDS:
        return None
    with suppress(OSError):
        private_folder(folder)
        _forget_oldest(folder)
        scratch = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        scratch.replace(path)
        return path
    return None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")


def _forget_oldest(folder: Path) -> None:
    entries = sorted(folder.iterdir(), key=lambda entry: -_age(entry))
    for entry in entries[: max(0, len(entries) - MOST_FRAMES + 1)]:
        entry.unlink(missing_ok=True)
