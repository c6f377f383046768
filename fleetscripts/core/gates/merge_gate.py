"""Obstacles between a good pull request and its merge: a merge queue, and the base's rules.

Only what a push can fix fails here. A missing approval, or a base that has moved on, is noted: none of the agent's work
is missing."""

from __future__ import annotations

from fleetscripts.core.gates.check_gates import checks
from fleetscripts.core.gates.gates import GateResult, GateStatus
from fleetscripts.core.gates.pull_evidence import PullEvidence
from fleetscripts.pull_request import PullRequest, PullState

MENDED_BY_A_PUSH = frozenset({"failed_checks", "merge_conflict"})
"""A merge queue's reasons for removing a pull request: its result failed, or conflicts with what was before it."""
BY_HAND = "manual"
_NONE_MISSING = "merged"
"""A queue also removes what it has merged."""


def merging(evidence: PullEvidence) -> GateResult | None:
    """None without an obstacle, or if GitHub does not report any."""
    pull = evidence.pull
    if pull.state is not PullState.OPEN:
        return None
    return _queue(evidence) or _removal(pull) or _notes(evidence)


def _queue(evidence: PullEvidence) -> GateResult | None:
    merge, base = evidence.pull.merge, evidence.pull.base_ref
    if not merge.queue_state:
        return None
    if merge.queue_state == "UNMERGEABLE":
        text = f"{base}'s merge queue cannot merge it as it is, and will say why when it removes it"
        return GateResult("merging", GateStatus.PENDING, text, by_person=evidence.stands_still)
    place = f"{_ordinal(merge.queue_position)} in {base}'s merge queue"
    return GateResult.passed("merging", f"{place} ({_words(merge.queue_state)}); pushes are refused until then")


def _removal(pull: PullRequest) -> GateResult | None:
    """The queue removed this very head: later pushes have not been tried there."""
    merge = pull.merge
    if merge.removed_at is None or merge.removed_at < pull.pushed_at or merge.removed_for == _NONE_MISSING:
        return None
    if merge.removed_for == BY_HAND:
        return GateResult.passed("merging", f"taken out of {pull.base_ref}'s merge queue by hand")
    text = f"{pull.base_ref}'s merge queue took it out: {_words(merge.removed_for) or 'no reason given'}"
    if merge.removed_for in MENDED_BY_A_PUSH:
        return GateResult.failed("merging", f"{text}: merge {pull.base_ref} into the branch, mend what fails, push")
    return GateResult("merging", GateStatus.PENDING, text, by_person=True)


def _notes(evidence: PullEvidence) -> GateResult | None:
    pull = evidence.pull
    merge, base = pull.merge, pull.base_ref
    said = ["auto-merge is on"] if merge.is_automatic else []
    if merge.decision == "REVIEW_REQUIRED":
        said.append(f"{base} requires an approval that is still owed")
    elif merge.decision == "CHANGES_REQUESTED":
        said.append("a request for changes from before the head still blocks the merge: ask its reviewer again")
    elif merge.state == "BLOCKED" and _is_good(evidence):
        said.append(f"GitHub blocks the merge by rules of {base} that it does not name")
    if merge.state == "BEHIND":
        said.append(f"behind {base}, which requires it to be up to date")
    return GateResult.passed("merging", "; ".join(said)) if said else None


def _is_good(evidence: PullEvidence) -> bool:
    """Whether checks and threads, which may also block a merge, are in order."""
    has_passed = checks(evidence).status is GateStatus.PASS
    return has_passed and not evidence.pull.draft and all(thread.resolved for thread in evidence.pull.threads)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
