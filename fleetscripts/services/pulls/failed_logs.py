"""Logs of failed checks, each downloaded once: a finished job's log never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from fleetscripts.adapters.github.github_problems import GitHubProblem
from fleetscripts.config import Settings
from fleetscripts.core.gates.check_gates import failed_checks
from fleetscripts.core.gates.failed_log import FailedStep, failed_steps
from fleetscripts.dataclass import dataclass
from fleetscripts.pull_request import PullKey, PullRequest
from fleetscripts.services.pulls.named_questions import Log, ReadLog, ask_by_name

MOST_JOBS = 3
"""Per text."""

ASKING_SECONDS = 30
"""For one log: a text without it is better than none."""

MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that failed, and the end of its log, or why that is unavailable."""

    job: int
    name: str
    steps: tuple[FailedStep, ...] = ()
    problem: str = ""


@dataclass
class FailedLogs:
    """One for a whole process."""

    _kept: dict[tuple[PullKey, int], tuple[FailedStep, ...]] = field(default_factory=dict)

    def of(self, pull: PullRequest, settings: Settings, known: Sequence[str]) -> list[FailedJob]:
        """Those of a pull request's head, without the jobs that are ``known`` by their number."""
        jobs = {check.job: check.name for check in failed_checks(pull) if check.job and str(check.job) not in known}
        return [self._read(pull.key, job, name, settings) for job, name in list(jobs.items())[:MOST_JOBS]]

    def _read(self, key: PullKey, job: int, name: str, settings: Settings) -> FailedJob:
        try:
            if (key, job) not in self._kept:
                printed = ask_by_name(settings, ReadLog(key, job), Log, ASKING_SECONDS).printed
                self._kept = dict(list(self._kept.items())[-MOST_KEPT:])
                self._kept[key, job] = tuple(failed_steps(printed))
        except GitHubProblem as problem:
            return FailedJob(job, name, problem=str(problem))
        steps = self._kept[key, job]
        return FailedJob(job, name, steps, "" if steps else "gh shows no log of a failed step")
