"""Small notes about worktrees, one JSON file each, keyed by the worktree's real path."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class NoteBook:
    """The notes in one folder. Every note has its worktree's ``path``."""

    folder: Path

    def read(self, path: str) -> dict[str, Any] | None:
        """The note on this worktree; None if there is none, or an invalid one."""
        return _members(self._file(path))

    def all(self) -> Iterator[dict[str, Any]]:
        """Every valid note."""
        read = (_members(file) for file in sorted(self.folder.glob("*.json")))
        return (members for members in read if members is not None)

    def write(self, path: str, members: Mapping[str, Any]) -> None:
        """Write this note, replacing an earlier one."""
        write_json(self._file(path), {**members, "path": path})

    def drop(self, path: str) -> None:
        """Remove this worktree's note, if there is one."""
        self._file(path).unlink(missing_ok=True)

    def _file(self, path: str) -> Path:
        return self.folder / f"{key(path)}.json"


def key(path: str) -> str:
    """A short digest of a path, fit for a file's name."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:24]


def _members(file: Path) -> dict[str, Any] | None:
    members = read_json(file)
    return members if isinstance(members, dict) and isinstance(members.get("path"), str) else None
