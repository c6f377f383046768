"""Which process is taking which worktree. A claim is valid while the process that wrote it lives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.notes import NoteBook
from fleetscripts.adapters.system.processes import read_processes
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One worktree (by real path) taken by one process; ``alive`` False: left by a dead one. ``begun``: what it noted
    that it was about to do there; empty before it did anything."""

    path: str
    spare_branch: str
    pid: int
    alive: bool
    begun: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClaimBook:
    """The claims in one folder. Writing requires the lock shared by all writers."""

    folder: Path

    def read(self) -> list[Claim]:
        """All claims; invalid files are skipped. A dead process's claim counts only if it is still there after a second
        look: the process may have dropped it and ended meanwhile."""
        found = list(self._notes.all())
        if not found:
            return []
        running = {pid: process.start_ticks for pid, process in read_processes().by_pid.items()}
        claims = [_claim(members, running) for members in found]
        return [claim for claim in claims if claim.alive or self._notes.read(claim.path) is not None]

    def has_abandoned(self) -> bool:
        """Whether a dead process has left a claim with work begun."""
        return any(not claim.alive and claim.begun for claim in self.read())

    def write(self, path: str, spare_branch: str, begun: Mapping[str, Any] | None = None) -> None:
        """Claim the worktree for this process; its start time tells it from a later one with the same number."""
        own = read_processes().by_pid.get(os.getpid())
        started = own.start_ticks if own else ""
        claim = {"spare_branch": spare_branch, "pid": os.getpid(), "start_ticks": started}
        self._notes.write(path, claim | ({"begun": dict(begun)} if begun else {}))

    def drop(self, path: str) -> None:
        """Remove the claim on this worktree, whoever's it was."""
        self._notes.drop(path)

    @property
    def _notes(self) -> NoteBook:
        return NoteBook(self.folder)


def _claim(members: Mapping[str, Any], running: Mapping[int, str]) -> Claim:
    pid = members.get("pid")
    number = pid if isinstance(pid, int) else 0
    alive = number in running and running[number] == members.get("start_ticks")
    begun = members.get("begun")
    known = begun if isinstance(begun, Mapping) else {}
    return Claim(str(members["path"]), str(members.get("spare_branch", "")), number, alive, known)
