"""A pull request as GitHub tells it: the nouns between its adapter and its gates. Times are Unix seconds."""

from __future__ import annotations

from enum import StrEnum

from fleetscripts.dataclass import dataclass

GHOST = "ghost"
"""GitHub's name for the author of what a deleted account wrote."""


@dataclass(frozen=True, slots=True)
class PullKey:
    """Which pull request; ``host`` as in ``github.com`` or an Enterprise server's name."""

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
    """When its run was created, by the server's clock: for a CheckRun its suite. Running it again changes nothing."""
    is_status: bool = False
    """A StatusContext: whoever may push can set one."""
    started_at: float | None = None
    completed_at: float | None = None
    suite: str = ""
    app: str = ""
    app_number: int = 0
    """GitHub's of the app, by which rules name it; 0 where it is not known."""
    workflow: str = ""
    event: str = ""
    """What the workflow ran for: ``push``, ``pull_request``, …"""
    job: int = 0
    """The number of the workflow's job, whose log can be asked for; another one each time it runs. 0: it has none."""
    needs_approval: bool = False
    """It waits until a person lets it run."""

    @property
    def is_skipped(self) -> bool:
        """It ended without having run."""
        return self.outcome == "SKIPPED"


@dataclass(frozen=True, slots=True)
class Suite:
    """What GitHub made for one app, or one run of a workflow, on the head commit; ``runs`` counts its check runs.

    Of an app that never reports anything it stays unfinished for ever, without a run."""

    id: str
    finished: bool
    outcome: str = ""
    created_at: float | None = None
    updated_at: float | None = None
    runs: int = 0
    app: str = ""
    workflow: str = ""
    """Its workflow's name; empty for an app other than GitHub Actions."""
    event: str = ""
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment, of a review thread or of the conversation. Its text is hostile."""

    author: str
    body: str
    at: float
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """A review thread; ``comments`` are the last ones, oldest first, ``opened_at`` the time of the very first."""

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
    """The commit that was looked at when it was opened; empty where GitHub does not say."""


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
    """A check that the rules of the base branch demand, by its name; ``app_number``: from this app alone."""

    name: str
    app_number: int = 0

    def is_met_by(self, check: Check) -> bool:
        """Of a status nobody says which app set it."""
        right_app = self.app_number in (0, check.app_number) or check.is_status
        return check.name == self.name and right_app


@dataclass(frozen=True, slots=True)
class Merge:
    """What GitHub says of the merge to come, in its own words; empty where it does not tell."""

    decision: str = ""
    """Of the required reviews: ``APPROVED``, ``REVIEW_REQUIRED``, ``CHANGES_REQUESTED``; empty where none is."""
    state: str = ""
    """By the rules of the base: ``CLEAN``, ``BEHIND``, ``BLOCKED``, …"""
    is_automatic: bool = False
    queue_state: str = ""
    """In the base's merge queue, while it is there: ``QUEUED``, ``AWAITING_CHECKS``, ``UNMERGEABLE``, …"""
    queue_position: int = 0
    removed_at: float | None = None
    """When it was last taken out of the queue, and not put back since."""
    removed_for: str = ""


class PullState(StrEnum):
    """GitHub's three."""

    OPEN = "OPEN"
    MERGED = "MERGED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Everything the gates look at, read at one moment (``read_at``, by its server's clock), consistent in itself."""

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
    """When the server first saw the head commit, by the server's own clock; None when nothing tells."""
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
    """What the rules of its base branch demand."""
    merge: Merge = Merge()
    branch_tip: str = ""
    """Where its branch stands, which a push moves before the pull request shows it; empty where it is not known."""
    clock_ahead: float = 0.0
    """By how many seconds the server's clock, whose times these are, is before ours."""

    @property
    def pushed_at(self) -> float:
        """When the head came into being, as far as is known; 0 when nothing tells."""
        if self.head_seen_at is not None:
            return self.head_seen_at
        return next((commit.committed_at for commit in self.commits if commit.oid == self.head), 0.0)


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What git says of a commit that a reply names. ``found_by``: its hash, or after a rebase its ``change`` (patch id)
    or its ``message``. ``at``: committer's time, Unix seconds."""

    oid: str
    at: float
    paths: frozenset[str]
    found_by: str = "hash"
    reviewed: bool | None = None
    """Whether it, or the same change before a rebase, was there when the thread was opened; None: unknown."""
