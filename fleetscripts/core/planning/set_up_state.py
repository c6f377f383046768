"""Whether a worktree is ready for work: by the note on its last set-up and its present contents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from fleetscripts.dataclass import dataclass


class Readiness(StrEnum):
    """The result of the last set-up, as far as it still holds."""

    READY = "ready"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SetUp:
    """One worktree's readiness, why it is not ready, and its number; 0 while it has none."""

    readiness: Readiness
    why: str = ""
    slot: int = 0

    @property
    def words(self) -> str:
        """For a table."""
        return f"{self.readiness}: {self.why}" if self.why else str(self.readiness)


def set_up_of(note: Mapping[str, Any] | None, digest: str, missing: Collection[str] = (), slot: int = 0) -> SetUp:
    """From its note, the digest of its lock files now, and missing folders that the last set-up made."""
    if note is None:
        return SetUp(Readiness.STALE, "never set up", slot)
    if note.get("outcome") == Readiness.FAILED:
        return SetUp(Readiness.FAILED, str(note.get("why", "")), slot)
    if note.get("outcome") != Readiness.READY:
        return SetUp(Readiness.STALE, str(note.get("why") or "its set-up did not come to its end"), slot)
    if note.get("digest") != digest:
        return SetUp(Readiness.STALE, "lock files or commands changed", slot)
    if missing:
        return SetUp(Readiness.STALE, f"{sorted(missing)[0]} is gone", slot)
    return SetUp(Readiness.READY, "", slot)
