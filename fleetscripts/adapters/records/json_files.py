"""Small JSON files: what must be kept, and what may be lost and is found out anew."""

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
    """What the file holds; None when it is not there, or cannot be read or understood."""
    try:
        return json.loads(read_regular(path, LARGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, value: object) -> None:
    """Put the value there, safe on the disk."""
    try:
        private_folder(path.parent)
        replace_file(path, json.dumps(value).encode())
    except OSError as error:
        raise FleetError(f"cannot write {path}: {error.strerror}") from error


def cache(path: Path, content: bytes, most: int) -> bool:
    """Put the content there, one of so many in its folder, of which the oldest go; whether it could be written."""
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
    """Leave so many files in the folder, the youngest; what dead writers left counts as any other."""
    entries = sorted(folder.iterdir(), key=_changed_at)
    for entry in entries[: max(0, len(entries) - most)]:
        entry.unlink(missing_ok=True)


def _changed_at(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0
