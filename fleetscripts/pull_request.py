"""A pull request's data types, shared by the GitHub adapter and the gates. Times are Unix seconds."""

from __future__ import annotations

from enum import StrEnum

from fleetscripts.dataclass import dataclass

GHOST = "ghost"
"""GitHub's name for the author of a deleted account's texts."""


@dataclass(frozen=True, slots=True)
class PullKey:
    """``host`` as in ``github.com`` or an Enterprise server's name."""

    host: str
    owner: str
    name: str
    number: int

    def __str__(self) -> str:
        prefix = "" if self.host == "github.com" else f"{self.host}/"
        return f"{prefix}{self.owner}/{self.name}#{self.number}"


@dataclass(frozen=True, slots=True)
class Check:
    """A CheckRun or a StatusContext on the head commit. ``outcome`` is empty while it has not finished."""

    name: str
    finished: bool
    outcome: str = ""
    created_at: float | None = None
    """When its run was created, by the server's clock: for a CheckRun its suite. A re-run does not change it."""
    is_status: bool = False
    """A StatusContext, which anyone with push access can set."""
    started_at: float | None = None
    completed_at: float | None = None
    suite: str = ""
    app: str = ""
    app_number: int = 0
    """GitHub's app number, used in rules; 0 if unknown."""
    workflow: str = ""
    event: str = ""
    """The workflow's trigger: ``push``, ``pull_request``, …"""
    job: int = 0
    """The number of the workflow's job, for requesting its log; new in each run. 0: it has none."""
    needs_approval: bool = False
    """It waits for a person's approval to run."""

    @property
    def is_skipped(self) -> bool:
        """It ended without running."""
        return self.outcome == "SKIPPED"


@dataclass(frozen=True, slots=True)
class Suite:
    """GitHub's record of one app, or one workflow run, on the head commit. An app that never reports leaves it
    unfinished for ever, without a check run."""

    id: str
    finished: bool
    outcome: str = ""
    created_at: float | None = None
    updated_at: float | None = None
    app: str = ""
    workflow: str = ""
    """Its workflow's name; empty for an app other than GitHub Actions."""
    event: str = ""
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment, in a review thread or in the conversation. Its text is hostile."""

    author: str
    body: str
    at: float
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """A review thread; ``comments`` are the last ones, oldest first, ``opened_at`` the time of the first of all."""

    id: str
    resolved: bool
    outdated: bool
    path: str
    line: int | None
    resolved_by: str
    opened_at: float
    comments: tuple[Comment, ...] = ()
    opened_by: str = ""
    reviewed: str = ""
    """The commit reviewed when it was opened; empty if GitHub does not say."""


@dataclass(frozen=True, slots=True)
class Review:
    """One submitted review; ``commit`` is the head it was written on."""

    author: str
    state: str
    at: float
    commit: str
    is_bot: bool = False
    body: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the pull request's branch."""

    oid: str
    message: str
    committed_at: float


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check required by the base branch's rules, by its name; ``app_number``: from this app alone."""

    name: str
    app_number: int = 0

    def is_met_by(self, check: Check) -> bool:
        """A status does not show which app set it."""
        right_app = self.app_number in (0, check.app_number) or check.is_status
        return check.name == self.name and right_app


@dataclass(frozen=True, slots=True)
class Merge:
    """GitHub's merge information, in its own words; empty if missing."""

    decision: str = ""
    """Of the required reviews: ``APPROVED``, ``REVIEW_REQUIRED``, ``CHANGES_REQUESTED``; empty if none is."""
    state: str = ""
    """By the rules of the base: ``CLEAN``, ``BEHIND``, ``BLOCKED``, …"""
    is_automatic: bool = False
    queue_state: str = ""
    """In the base's merge queue: ``QUEUED``, ``AWAITING_CHECKS``, ``UNMERGEABLE``, …"""
    queue_position: int = 0
    removed_at: float | None = None
    """When it was last removed from the queue without being added again."""
    removed_for: str = ""


class PullState(StrEnum):
    OPEN = "OPEN"
    MERGED = "MERGED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """All evidence for the gates, read at one moment (``read_at``, by its server's clock), consistent in itself."""

    key: PullKey
    title: str
    body: str
    state: PullState
    draft: bool
    mergeable: str
    head: str
    head_ref: str
    base_ref: str
    updated_at: float
    merged_at: float | None
    head_seen_at: float | None
    """When the server first saw the head commit, by the server's own clock; None if unknown."""
    checks: tuple[Check, ...]
    threads: tuple[Thread, ...]
    reviews: tuple[Review, ...]
    commits: tuple[Commit, ...]
    commits_total: int
    read_at: float
    author: str = ""
    merged_by: str = ""
    suites: tuple[Suite, ...] = ()
    conversation: tuple[Comment, ...] = ()
    """The last comments outside review threads, oldest first."""
    required: tuple[RequiredCheck, ...] = ()
    """The requirements of its base branch's rules."""
    merge: Merge = Merge()
    branch_tip: str = ""
    """Its branch's commit, which a push moves before the pull request shows it; empty if unknown."""
    clock_ahead: float = 0.0
    """Seconds that the server's clock, which these times are by, is ahead of ours."""

    @property
    def pushed_at(self) -> float:
        """When the head was created, if known; else 0."""
        if self.head_seen_at is not None:
            return self.head_seen_at
        return next((commit.committed_at for commit in self.commits if commit.oid == self.head), 0.0)


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """git's facts on a commit that a reply names, or on the one that it became by a rebase. ``at``: committer's time,
    Unix seconds."""

    oid: str
    at: float
    paths: frozenset[str]
    reviewed: bool | None = None
    """Whether it, or the same change before a rebase, existed when the thread was opened; None: unknown."""
