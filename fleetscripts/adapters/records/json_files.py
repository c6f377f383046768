"""Small JSON files: durable ones, and caches that may be lost."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.files import private_folder, replace_file, temporary_beside
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.errors import FleetError

LARGEST_BYTES = 64 << 20


def read_json(path: Path) -> Any:
    """The file's content; None if it is missing, unreadable or invalid."""
    try:
        return json.loads(read_regular(path, LARGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, value: object) -> None:
    """Write the value, synced to disk."""
    try:
        private_folder(path.parent)
        replace_file(path, json.dumps(value).encode())
    except OSError as error:
        raise FleetError(f"cannot write {path}: {error.strerror}") from error


def cache(path: Path, content: bytes, most: int) -> bool:
    """Write a cache file and delete the oldest ones beyond so many in its folder; returns whether it was written."""
    with suppress(OSError):
        if not path.exists():
            private_folder(path.parent)
            _forget_oldest(path.parent, most - 1)
        descriptor, name = temporary_beside(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return True
    return False


def _forget_oldest(folder: Path, most: int) -> None:
    """Keep the newest files in the folder; remnants of dead writers count like any other."""
    entries = sorted(folder.iterdir(), key=_changed_at)
    for entry in entries[: max(0, len(entries) - most)]:
        entry.unlink(missing_ok=True)


def _changed_at(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0
