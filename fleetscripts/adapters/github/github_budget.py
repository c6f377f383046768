"""GitHub's limits, shared by the fleet: once one query has met a limit, no other one runs into it."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path

from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.dataclass import dataclass

LOCK_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Budget:
    """One small file under FLEET_HOME: host → until when not to ask, and why."""

    path: Path

    def require(self, host: str, now: float) -> None:
        """Raise the limit that is still in force for this host."""
        entry = self._read().get(host)
        if entry is not None and now < entry[0]:
            raise GitHubProblem(ProblemKind(entry[1]), f"{entry[2]}", entry[0])

    def turn(self, host: str, seconds: float) -> AbstractContextManager[None]:
        """Exclusive use: whoever waited sees the limit that the one before met. Raises LockTaken after ``seconds``."""
        name = re.sub(r"[^A-Za-z0-9.-]", "_", host)
        return hold(self.path.with_name(f"{self.path.stem}-{name}.lock"), seconds)

    def note(self, host: str, problem: GitHubProblem) -> None:
        """Record a limit; other problems concern nobody else."""
        if problem.until is None:
            return
        with hold(self.path.with_name(self.path.name + ".lock"), LOCK_TIMEOUT_SECONDS):
            entries = self._read()
            known = entries.get(host)
            if known is None or known[0] < problem.until:
                entries[host] = (problem.until, problem.kind.value, str(problem))
                write_json(self.path, entries)

    def _read(self) -> dict[str, tuple[float, str, str]]:
        entries = read_json(self.path)
        try:
            return {
                str(host): (float(until), ProblemKind(kind).value, str(why))
                for host, (until, kind, why) in (entries or {}).items()
            }
        except (ValueError, TypeError, AttributeError):
            return {}  # a hint that cannot be read is no hint; the next limit writes it anew
