"""GitHub by way of this machine's central: nothing is asked of GitHub from here, and no gh is needed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from fleetscripts.adapters.github.gh import Gh
from fleetscripts.adapters.github.github import Found, GitHub
from fleetscripts.adapters.github.github_budget import Budget
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.config import Settings
from fleetscripts.core.reports.status_text import age
from fleetscripts.pull_request import PullKey
from fleetscripts.services.central.central import is_linked
from fleetscripts.services.central.pulls_told import PullTold, ask_central, pull_told

FRESH_SECONDS = 10.0
"""Data this fresh needs no new request."""

OLDEST_SECONDS = 120.0
"""Older data counts as unknown."""

WAIT_SECONDS = 20.0
"""For the central's answer; it asks GitHub first."""

PAUSE_SECONDS = 0.1


class NoGh(Gh):
    """Raises, for callers that would ask GitHub from here, an error that names the central."""

    def _run(self, words: Sequence[str], sent: bytes = b"", folder: str | None = None) -> tuple[int, bytes, bytes]:
        raise GitHubProblem(ProblemKind.MISSING, "this machine leaves GitHub to its central, which has not sent this")


class FromCentral(GitHub):
    """Pull requests as received, requested again when they are old."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], most_seconds: float) -> None:
        super().__init__(NoGh(environ, Budget(settings.fleet_home / "github-budget.json")))
        self._settings = settings
        self._wait_seconds = min(WAIT_SECONDS, most_seconds)

    def pull_requests(self, keys: Iterable[PullKey]) -> dict[PullKey, Found]:
        """Each as the central sent it; a problem if it has not, or too long ago."""
        wanted = list(dict.fromkeys(keys))
        told = {key: pull_told(self._settings, key) for key in wanted}
        stale = [key for key in wanted if not _within(told[key], FRESH_SECONDS)]
        if stale:
            ask_central(self._settings, stale)
            until = time.monotonic() + (self._wait_seconds if is_linked(self._settings) else 0)
            while stale and time.monotonic() < until:
                time.sleep(PAUSE_SECONDS)
                told |= {key: pull_told(self._settings, key) for key in stale}
                stale = [key for key in stale if not _within(told[key], FRESH_SECONDS)]
        return {key: _found(key, told[key]) for key in wanted}


def _within(told: PullTold | None, seconds: float) -> bool:
    return told is not None and told.age_seconds <= seconds


def _found(key: PullKey, told: PullTold | None) -> Found:
    if told is not None and told.age_seconds <= OLDEST_SECONDS:
        return told.found
    since = f"for {age(told.age_seconds)}" if told is not None else "yet"
    return GitHubProblem(ProblemKind.NETWORK, f"the central has not sent the pull request {key} {since}")
