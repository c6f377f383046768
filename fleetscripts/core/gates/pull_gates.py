"""The gates GitHub answers: pull request, checks, threads, reviews, conflicts. Pure; what was not read never passes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fleetscripts.core.gates.gates import GateResult, GateStatus
from fleetscripts.core.gates.resolutions import FakeResolution, judge_resolution
from fleetscripts.pull_request import GHOST, Check, CommitFacts, PullRequest, PullState, Review, Thread

PASSED_OUTCOMES = frozenset({"SUCCESS", "NEUTRAL", "SKIPPED"})
CI_GRACE_SECONDS = 300
"""How long after something last happened a head without any check may still be waiting for its first one."""
ASKS_FOR_NO_CI = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: *true$", re.I | re.M
)
"""In the head commit's message: the checks do not run then."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class PullEvidence:
    """One pull request and what is known around it. ``facts``: thread id → hash as written → what git knows of it.
    ``settled_before``: threads that were resolved before the present task began."""

    pull: PullRequest
    worktree_head: str
    worktree_branch: str
    task_started_at: float = 0.0
    fresh_run: bool = True
    ci_required: bool | None = None
    """Whether a head without any check will do: True never, False always, None once none can be under way."""
    facts: Mapping[str, Mapping[str, CommitFacts]] = field(default_factory=dict)
    settled_before: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()


def pull_gates(evidence: PullEvidence) -> list[GateResult]:
    """All of them, in order. What reviewers say is judged only once the checks have finished."""
    if evidence.pull.state is PullState.MERGED:
        return [pull_request(evidence)]
    first = [pull_request(evidence), checks(evidence), fresh_run(evidence)]
    if first[1].status is GateStatus.PENDING:
        names = ("threads", "resolutions", "reviews", "conflicts")
        return first + [
            GateResult(name, GateStatus.PENDING, "looked at once the checks have finished") for name in names
        ]
    return [*first, threads(evidence), resolutions(evidence), reviews(evidence), conflicts(evidence)]


def pull_request(evidence: PullEvidence) -> GateResult:
    """Open or merged, no draft, and its head is what stands in the worktree."""
    pull = evidence.pull
    if pull.state is PullState.CLOSED:
        return GateResult.failed("pull_request", f"{pull.key} is closed without a merge: reopen it, or open another")
    if pull.head_ref != evidence.worktree_branch and pull.state is PullState.OPEN:
        return GateResult.failed(
            "pull_request", f"{pull.key} is of branch {pull.head_ref}, the work is on {evidence.worktree_branch}"
        )
    if not evidence.worktree_head:
        return GateResult.unknown("pull_request", "the commit of the worktree could not be read")
    if pull.head != evidence.worktree_head:
        merged = pull.state is PullState.MERGED
        what, advice = ("was merged at", "open another one") if merged else ("is at", "push, or pull what others did")
        here, there = evidence.worktree_head[:10], pull.head[:10]
        return GateResult.failed("pull_request", f"{pull.key} {what} {there}, the worktree is at {here}: {advice}")
    if evidence.fresh_run and pull.merged_at is not None and pull.merged_at < evidence.task_started_at:
        return GateResult.failed(
            "pull_request", f"{pull.key} was merged before this task began: open another one for this work"
        )
    if pull.draft:
        return GateResult.failed("pull_request", f"{pull.key} is a draft: mark it ready for review")
    said = "merged" if pull.state is PullState.MERGED else "open"
    return GateResult.passed("pull_request", f"{pull.key} is {said} at {pull.head[:10]}")


def checks(evidence: PullEvidence) -> GateResult:
    """Every check on the head has finished, and none failed."""
    found = evidence.pull.checks
    waiting = [check.name for check in found if not check.finished]
    if waiting:
        return GateResult.pending("checks", f"{len(waiting)} of {len(found)} not finished: {_some(waiting)}")
    failed = [_failure(check) for check in found if check.outcome not in PASSED_OUTCOMES]
    if failed:
        return GateResult.failed("checks", f"{len(failed)} of {len(found)} failed: {_some(failed)}")
    if not found:
        return _no_checks(evidence)
    return GateResult.passed("checks", f"{len(found)} finished, none failed")


def fresh_run(evidence: PullEvidence) -> GateResult:
    """Some run was created after the present task began: an old green one proves nothing about it.

    A status, which whoever may push can set, counts only where there is nothing else."""
    found = evidence.pull.checks
    if not evidence.fresh_run:
        return GateResult.passed("fresh_run", "not asked for: the task needs no push")
    if not found:
        return GateResult("fresh_run", checks(evidence).status, "there is no check to be fresh")
    runs = [check for check in found if not check.is_status] or found
    began = math.floor(evidence.task_started_at)  # GitHub's times are whole seconds
    if any(check.created_at is not None and check.created_at >= began for check in runs):
        return GateResult.passed("fresh_run", "a run was created after the task began")
    return GateResult.failed(
        "fresh_run", "every check is older than the task, and running an old one again is no new run: push the work"
    )


def threads(evidence: PullEvidence) -> GateResult:
    """No review thread is unresolved, outdated ones included."""
    found = evidence.pull.threads
    open_ones = [thread for thread in found if not thread.resolved]
    if open_ones:
        return GateResult.failed(
            "threads", f"{len(open_ones)} of {len(found)} unresolved: {_some([_place(t) for t in open_ones])}"
        )
    return GateResult.passed("threads", f"{len(found)} resolved" if found else "none")


def resolutions(evidence: PullEvidence) -> GateResult:
    """Every thread resolved during this task was answered with a commit that did something about it."""
    fakes = fake_resolutions(evidence)
    if fakes:
        return GateResult.failed(
            "resolutions", f"{len(fakes)} resolved without a confirmed fix: {_some([str(f) for f in fakes])}"
        )
    judged = [t for t in evidence.pull.threads if t.resolved and t.id not in evidence.settled_before]
    return GateResult.passed("resolutions", f"{len(judged)} confirmed" if judged else "none to confirm")


def fake_resolutions(evidence: PullEvidence) -> list[FakeResolution]:
    """The resolved threads that nothing shows to be fixed and that nobody accepted by name."""
    judged = [
        judge_resolution(thread, evidence.facts.get(thread.id, {}))
        for thread in evidence.pull.threads
        if thread.id not in evidence.settled_before and thread.id not in evidence.accepted
    ]
    return [fake for fake in judged if fake is not None]


def reviews(evidence: PullEvidence) -> GateResult:
    """No reviewer's latest word is a request for changes to what stands there now."""
    latest = latest_reviews(evidence.pull.reviews)
    asking = [review for review in latest if review.state == "CHANGES_REQUESTED"]
    blocking = [review for review in asking if _is_fresh(review, evidence.pull)]
    if blocking:
        return GateResult.failed(
            "reviews", f"changes requested by {_some([review.author for review in blocking])}: address them"
        )
    stale = f", {len(asking)} request for changes is older than the head" if asking else ""
    return GateResult.passed("reviews", f"{len(latest)} reviewers{stale}" if latest else "none")


def latest_reviews(found: Sequence[Review]) -> list[Review]:
    """The last review of each reviewer that takes a side; a mere comment takes back nothing."""
    latest: dict[tuple[object, ...], Review] = {}
    for number, review in enumerate(sorted(found, key=lambda review: review.at)):
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            nobody = number if review.author == GHOST else None  # two deleted accounts are not one
            latest[review.author, review.is_bot, nobody] = review
    return list(latest.values())


def conflicts(evidence: PullEvidence) -> GateResult:
    """The branch can be merged."""
    match evidence.pull.mergeable:
        case "MERGEABLE":
            return GateResult.passed("conflicts", f"none with {evidence.pull.base_ref}")
        case "CONFLICTING":
            return GateResult.failed(
                "conflicts", f"conflicts with {evidence.pull.base_ref}: merge or rebase, resolve, push"
            )
        case "UNKNOWN":
            return GateResult.pending("conflicts", "GitHub is still working out whether it can be merged")
        case other:
            return GateResult("conflicts", GateStatus.UNKNOWN, f"GitHub said {other!a}")


def _is_fresh(review: Review, pull: PullRequest) -> bool:
    """Written on the head, or submitted after the server first saw it. The commit's own date can be set by anyone."""
    return review.commit == pull.head or pull.head_seen_at is None or review.at >= pull.head_seen_at


def _no_checks(evidence: PullEvidence) -> GateResult:
    pull = evidence.pull
    if evidence.ci_required is False:
        return GateResult.passed("checks", "none configured: the settings say that none is required")
    head = next((commit for commit in pull.commits if commit.oid == pull.head), None)
    if head is not None and ASKS_FOR_NO_CI.search(head.message):
        return GateResult.failed("checks", "none, because the head commit's message tells CI to skip it: push without")
    happened_at = max(pull.updated_at, head.committed_at if head is not None else 0.0)
    if pull.read_at - happened_at < CI_GRACE_SECONDS:
        return GateResult.pending("checks", "no check on this head yet")
    if evidence.ci_required:
        return GateResult.failed("checks", "no check on this head, and checks are required: have them run")
    return GateResult.passed("checks", "none configured")


def _failure(check: Check) -> str:
    return f"{check.name} ({check.outcome.lower().replace('_', ' ') or 'no outcome'})"


def _place(thread: Thread) -> str:
    return f"{thread.path}:{thread.line}" if thread.line else thread.path


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
