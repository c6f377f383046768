"""Who is taking a worktree right now: one small file each, which counts only while the process that wrote it lives."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fleetscripts.adapters.files import replace_file
from fleetscripts.adapters.processes import read_processes
from fleetscripts.errors import FleetError


@dataclass(frozen=True, slots=True)
class Claim:
    """One worktree (by real path) taken by one process; ``start_ticks`` tells it from a later one with its number."""

    path: str
    spare_branch: str
    pid: int
    start_ticks: str
    alive: bool = True


@dataclass(frozen=True, slots=True)
class ClaimBook:
    """The claims in one folder. Whoever writes holds the lock of all its writers."""

    folder: Path

    def read(self) -> list[Claim]:
        """All claims, ``alive`` or left by a process that has died; a file that is none is passed over."""
        found = list(self._files())
        if not found:
            return []
        running = {pid: process.start_ticks for pid, process in read_processes().by_pid.items()}
        return [_claim(members, running) for members in found]

    def write(self, path: str, spare_branch: str) -> None:
        """Claim the worktree for this process."""
        own = read_processes().by_pid.get(os.getpid())
        claim = Claim(path, spare_branch, os.getpid(), own.start_ticks if own else "")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(self._file(path), json.dumps(asdict(claim)).encode())
        except OSError as error:
            raise FleetError(f"cannot record the claim in {self.folder}: {error.strerror}") from error

    def drop(self, path: str) -> None:
        """Forget the claim on this worktree, whosever it was."""
        self._file(path).unlink(missing_ok=True)

    def _file(self, path: str) -> Path:
        return self.folder / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:24]}.json"

    def _files(self) -> Iterator[dict[str, object]]:
        for file in sorted(self.folder.glob("*.json")):
            try:
                members = json.loads(file.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(members, dict) and isinstance(members.get("path"), str):
                yield members


def _claim(members: dict[str, object], running: dict[int, str]) -> Claim:
    pid = members.get("pid")
    number = pid if isinstance(pid, int) else 0
    started = str(members.get("start_ticks", ""))
    return Claim(
        path=str(members["path"]),
        spare_branch=str(members.get("spare_branch", "")),
        pid=number,
        start_ticks=started,
        alive=running.get(number) == started,
    )
