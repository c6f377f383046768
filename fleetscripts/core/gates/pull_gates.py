"""The gates on a pull request, its threads, reviews and conflicts. Pure; what was not read never passes."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.gates.gates import GateResult, GateStatus
from fleetscripts.core.gates.pull_evidence import PullEvidence, some
from fleetscripts.core.gates.remarks import remarks_since
from fleetscripts.core.gates.resolutions import FakeResolution, judge_resolution
from fleetscripts.pull_request import GHOST, PullRequest, PullState, Review, Thread


def pull_request(evidence: PullEvidence) -> GateResult:
    """It is open or merged, no draft, and its head is the worktree's."""
    pull = evidence.pull
    if pull.state is PullState.CLOSED:
        return GateResult.failed("pull_request", f"{pull.key} is closed without a merge: reopen it, or open another")
    if pull.head_ref != evidence.worktree_branch and pull.state is PullState.OPEN:
        return GateResult.failed(
            "pull_request", f"{pull.key} is of branch {pull.head_ref}, the work is on {evidence.worktree_branch}"
        )
    if not evidence.worktree_head:
        return GateResult.unknown("pull_request", "the commit of the worktree could not be read")
    if pull.head != evidence.worktree_head == pull.branch_tip and pull.state is PullState.OPEN:
        text = f"GitHub has the push, but still shows {pull.key} at {pull.head[:10]}"
        return GateResult("pull_request", GateStatus.PENDING, text, by_person=evidence.stands_still)
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
    if pull.state is PullState.MERGED:
        by = f" by {pull.merged_by}" if pull.merged_by else ""
        return GateResult.passed("pull_request", f"{pull.key} is merged at {pull.head[:10]}{by}")
    return GateResult.passed("pull_request", f"{pull.key} is open at {pull.head[:10]}")


def threads(evidence: PullEvidence) -> GateResult:
    """No review thread is unresolved, outdated ones included."""
    found = evidence.pull.threads
    open_ones = [thread for thread in found if not thread.resolved]
    if open_ones:
        return GateResult.failed(
            "threads", f"{len(open_ones)} of {len(found)} unresolved: {some([_place(t) for t in open_ones])}"
        )
    return GateResult.passed("threads", f"{len(found)} resolved" if found else "none")


def resolutions(evidence: PullEvidence) -> GateResult:
    """Every thread resolved during this task was answered with a commit that did something about it."""
    fakes = fake_resolutions(evidence)
    if fakes:
        return GateResult.failed(
            "resolutions", f"{len(fakes)} resolved without a confirmed fix: {some([str(f) for f in fakes])}"
        )
    judged = [t for t in evidence.pull.threads if t.resolved and t.id not in evidence.settled_before]
    return GateResult.passed("resolutions", f"{len(judged)} confirmed" if judged else "none to confirm")


def fake_resolutions(evidence: PullEvidence) -> list[FakeResolution]:
    """The resolved threads with no evidence of a fix that nobody accepted by name."""
    judged = [
        judge_resolution(thread, evidence.facts.get(thread.id, {}), evidence.pull.author)
        for thread in evidence.pull.threads
        if thread.id not in evidence.settled_before and thread.id not in evidence.accepted
    ]
    return [fake for fake in judged if fake is not None]


def reviews(evidence: PullEvidence) -> GateResult:
    """No reviewer's latest review requests changes to the present head."""
    latest = latest_reviews(evidence.pull.reviews)
    asking = [review for review in latest if review.state == "CHANGES_REQUESTED"]
    blocking = [review for review in asking if _is_fresh(review, evidence.pull)]
    if blocking:
        return GateResult.failed(
            "reviews", f"changes requested by {some([review.author for review in blocking])}: address them"
        )
    stale = f", {len(asking)} request for changes is older than the head" if asking else ""
    return GateResult.passed("reviews", f"{len(latest)} reviewers{stale}" if latest else "none")


def remarks(evidence: PullEvidence) -> GateResult:
    """Always a note: only whoever judges the work can tell what a remark asks for."""
    found = remarks_since(evidence.pull)
    if not found:
        return GateResult.passed("remarks", "none outside threads")
    authors = list(dict.fromkeys(remark.author for remark in found))
    since = evidence.pull.head[:10]
    return GateResult.passed("remarks", f"{len(found)} outside threads since {since}, by {some(authors)}: read them")


def latest_reviews(found: Sequence[Review]) -> list[Review]:
    """The last review of each reviewer that takes a side; a mere comment takes back nothing."""
    latest: dict[tuple[object, ...], Review] = {}
    for number, review in enumerate(sorted(found, key=lambda review: review.at)):
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            nobody = number if review.author == GHOST else None  # two deleted accounts are not one
            latest[review.author, review.is_bot, nobody] = review
    return list(latest.values())


def conflicts(evidence: PullEvidence) -> GateResult:
    """The branch can be merged, or was."""
    if evidence.pull.state is PullState.MERGED:
        return GateResult.passed("conflicts", f"none: it was merged into {evidence.pull.base_ref}")
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


def _place(thread: Thread) -> str:
    return f"{thread.path}:{thread.line}" if thread.line else thread.path
