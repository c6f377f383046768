"""Each host's files: ``FLEET_HOME/hosts/NAME`` with its entry, its mirror, its link's log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import encode, load, put, write_json
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

ENTRY = "host.json"
MIRROR = "mirror.json"
LINK = "link.json"


@dataclass(frozen=True, slots=True)
class HostFiles:
    """One host's folder."""

    folder: Path

    @classmethod
    def of(cls, fleet_home: Path, name: str) -> HostFiles:
        return cls(fleet_home / "hosts" / name)

    @property
    def lock(self) -> Path:
        """Held by the link's process."""
        return self.folder / "link.lock"

    @property
    def log(self) -> Path:
        return self.folder / "link.log"

    @property
    def calls(self) -> Path:
        """A file for each call without a result yet."""
        return self.folder / "calls"

    def read(self, name: str) -> dict[str, Any]:
        """One of the files; empty if it is missing. FleetError for a damaged one."""
        path = self.folder / name
        try:
            members = load(path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise FleetError(f"cannot read {path}: {error}") from error
        if not isinstance(members, dict):
            raise FleetError(f"cannot read {path}: expected an object")
        return members

    def write_call(self, call_id: str, members: Mapping[str, Any]) -> None:
        """Record a call before it is sent."""
        HostFiles(self.calls).write(f"{call_id}.json", members)

    def unheard(self) -> dict[str, dict[str, Any]]:
        """Calls without a result, by their ids."""
        try:
            names = [path.name for path in self.calls.iterdir() if path.suffix == ".json"]
        except FileNotFoundError:
            return {}
        return {name.removesuffix(".json"): HostFiles(self.calls).read(name) for name in sorted(names)}

    def write(self, name: str, members: Mapping[str, Any]) -> None:
        """Replace one of the files, synced to disk."""
        write_json(self.folder / name, members, indent=True)

    def note(self, name: str, members: Mapping[str, Any]) -> None:
        """Replace a file that can be fetched again: readers see it whole, a power cut may lose it."""
        try:
            put(self.folder / name, encode(members))
        except OSError as error:
            raise FleetError(f"cannot write {self.folder / name}: {error.strerror}") from error

    def remove(self) -> None:
        """Delete the host's folder."""
        gone = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.gone")
        try:
            self.folder.rename(gone)
            shutil.rmtree(gone)
        except OSError as error:
            raise FleetError(f"cannot remove {self.folder}: {error.strerror}") from error


def host_folders(fleet_home: Path) -> list[str]:
    try:
        folders = list((fleet_home / "hosts").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(folder.name for folder in folders if not folder.name.startswith(".") and (folder / ENTRY).exists())
