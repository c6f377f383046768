"""One pull request with what git and our records know of it: the evidence for its gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from fleetscripts.dataclass import dataclass
from fleetscripts.pull_request import CommitFacts, PullRequest

SHOWN = 5
STILL_SECONDS = 300
"""After this long without news from the checks, the gates that wait for them are judged anyway."""


@dataclass(frozen=True, slots=True)
class PullEvidence:
    """One pull request and its context. ``facts``: thread id → hash as written → what git knows of it.
    ``task_started_at``: by the server's clock. ``settled_before``: threads resolved before the present task began."""

    pull: PullRequest
    worktree_head: str
    worktree_branch: str
    task_started_at: float = 0.0
    fresh_run: bool = True
    ci_required: bool | None = None
    """Whether a head without checks passes: True never, False always, None once none can be under way."""
    facts: Mapping[str, Mapping[str, CommitFacts]] = field(default_factory=dict)
    settled_before: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()

    @property
    def stands_still(self) -> bool:
        """Whether the checks have been silent for some minutes, by the server's times."""
        pull = self.pull
        times = [pull.head_seen_at]
        times += [at for check in pull.checks for at in (check.created_at, check.started_at, check.completed_at)]
        times += [at for suite in pull.suites for at in (suite.created_at, suite.updated_at)]
        return pull.read_at - max((at for at in times if at is not None), default=0.0) >= STILL_SECONDS


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
