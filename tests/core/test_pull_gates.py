"""GitHub's gates as pure decisions: nothing bad that stands on a pull request ever passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from fleetscripts.core.gates.current_runs import current_checks
from fleetscripts.core.gates.gate_table import ask_pull_gates
from fleetscripts.core.gates.gates import GateResult, GateStatus, Outcome, outcome_of
from fleetscripts.core.gates.pull_evidence import PullEvidence
from fleetscripts.core.gates.pull_gates import latest_reviews
from fleetscripts.pull_request import (
    Check,
    Comment,
    Commit,
    CommitFacts,
    PullKey,
    PullRequest,
    PullState,
    Review,
    Thread,
)

T = TypeVar("T")
BEGAN, SEEN, NOW = 1000.0, 1100.0, 9000.0
HEAD = "a" * 40
FIX = CommitFacts("b" * 40, 1050.0, frozenset({"src/a.py"}))

OUTCOMES = (
    "SUCCESS",
    "SUCCESS",
    "SUCCESS",
    "SUCCESS",
    "SUCCESS",
    "SUCCESS",
    "NEUTRAL",
    "SKIPPED",
    "FAILURE",
    "CANCELLED",
    "STALE",
    "TIMED_OUT",
    "ACTION_REQUIRED",
    "ODD",
    "",
)
STATES = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED")


def often(usual: T, *others: T) -> st.SearchStrategy[T]:
    """Mostly the good value: what is bad in every way at once tells little."""
    return st.sampled_from([usual] * 9 + list(others))


checks = st.builds(
    Check,
    name=st.sampled_from("abc"),
    finished=often(True, False),
    outcome=st.sampled_from(OUTCOMES),
    created_at=st.none() | often(1100.0, 900.0),
    is_status=st.booleans(),
)
comments = st.builds(
    Comment,
    author=st.just("x"),
    body=often(f"Fixed in {FIX.oid[:9]}", "Please change.", "Acknowledged", "Thanks!"),
    at=st.sampled_from([1010.0, 1060.0]),
)
threads = st.builds(
    Thread,
    id=st.sampled_from(["T1", "T2"]),
    resolved=often(True, False),
    outdated=st.booleans(),
    path=often("src/a.py", "src/z.py"),
    line=st.just(3),
    resolved_by=st.just("x"),
    opened_at=often(1005.0, 1055.0),
    comments=st.lists(comments, min_size=1, max_size=3).map(tuple),
)
reviews = st.builds(
    Review,
    author=st.sampled_from(["first", "second", "ghost"]),
    state=st.sampled_from(STATES),
    at=st.sampled_from([1050.0, 1150.0, 1160.0]),
    commit=often("c" * 40, HEAD),
    is_bot=st.booleans(),
)
pulls = st.builds(
    PullRequest,
    key=st.just(PullKey("github.com", "acme", "widget", 12)),
    title=st.just("t"),
    body=st.just("b"),
    state=often(*PullState),
    draft=often(False, True),
    mergeable=often("MERGEABLE", "CONFLICTING", "UNKNOWN", "ODD"),
    head=often(HEAD, "d" * 40),
    head_ref=st.just("feat/x"),
    base_ref=st.just("main"),
    updated_at=often(1200.0, NOW - 5),
    merged_at=st.none() | st.sampled_from([900.0, 1300.0]),
    head_seen_at=st.none() | st.just(SEEN),
    checks=st.lists(checks, max_size=3).map(tuple),
    threads=st.lists(threads, max_size=3).map(tuple),
    reviews=st.lists(reviews, max_size=4).map(tuple),
    commits=st.just((Commit(HEAD, "Work", 1090.0),)),
    commits_total=st.just(1),
    read_at=st.just(NOW),
)
evidences = st.builds(
    PullEvidence,
    pull=pulls,
    worktree_head=often(HEAD, ""),
    worktree_branch=st.just("feat/x"),
    task_started_at=st.just(BEGAN),
    fresh_run=st.booleans(),
    ci_required=st.sampled_from([None, True, False]),
    facts=st.just({name: {FIX.oid[:9]: FIX} for name in ("T1", "T2")}),
)


def outcome(evidence: PullEvidence) -> Outcome:
    return outcome_of(ask_pull_gates(evidence))


def test_a_pull_request_with_everything_can_be_verified() -> None:
    def is_full(evidence: PullEvidence) -> bool:
        pull = evidence.pull
        full = pull.state is PullState.OPEN and pull.checks and pull.threads and pull.reviews
        return bool(full) and outcome(evidence) is Outcome.VERIFIED

    found = find(evidences, is_full, settings=settings(phases=[Phase.generate], max_examples=5000))
    assert found.pull.head == HEAD


@given(evidences)
def test_what_is_verified_has_nothing_bad_on_it(evidence: PullEvidence) -> None:
    pull = evidence.pull
    if outcome(evidence) is not Outcome.VERIFIED:
        return
    assert pull.head == evidence.worktree_head != ""
    assert pull.state is not PullState.CLOSED
    assert not pull.draft
    assert pull.mergeable == "MERGEABLE" or pull.state is PullState.MERGED
    counting = current_checks(pull.checks)
    assert all(check.finished and check.outcome in ("SUCCESS", "NEUTRAL", "SKIPPED") for check in counting)
    assert all(thread.resolved for thread in pull.threads)
    assert not any(thread.resolved and thread.path == "src/z.py" for thread in pull.threads)
    assert not any(thread.opened_at > FIX.at for thread in pull.threads), "the fix is older than the thread"
    assert not any(
        review.state == "CHANGES_REQUESTED" and review.commit == HEAD for review in latest_reviews(pull.reviews)
    )
    if evidence.ci_required:
        assert pull.checks
    if evidence.fresh_run and pull.checks:
        assert any((check.created_at or 0) >= BEGAN for check in pull.checks)
        assert evidence.ci_required is False or any(check.outcome != "SKIPPED" for check in pull.checks)


BAD_CHECK = Check("bad", True, "FAILURE", SEEN)
SLOW_CHECK = Check("slow", False)
OPEN_THREAD = Thread("T3", False, True, "src/a.py", 1, "", 1005.0, (Comment("x", "Please.", 1005.0),))
FAKE_THREAD = replace(OPEN_THREAD, id="T4", resolved=True)
DEMAND = Review("third", "CHANGES_REQUESTED", 1170.0, HEAD)


@pytest.mark.parametrize("bad", ["check", "slow check", "thread", "fake", "demand"])
@given(evidence=evidences)
def test_one_bad_thing_more_never_helps(bad: str, evidence: PullEvidence) -> None:
    pull = evidence.pull
    worse = {
        "check": lambda: replace(pull, checks=(*pull.checks, BAD_CHECK)),
        "slow check": lambda: replace(pull, checks=(*pull.checks, SLOW_CHECK)),
        "thread": lambda: replace(pull, threads=(*pull.threads, OPEN_THREAD)),
        "fake": lambda: replace(pull, threads=(*pull.threads, FAKE_THREAD)),
        "demand": lambda: replace(pull, reviews=(*pull.reviews, DEMAND)),
    }[bad]()
    assert outcome(replace(evidence, pull=worse)) is not Outcome.VERIFIED


@given(evidences)
def test_every_gate_has_its_sentence(evidence: PullEvidence) -> None:
    results = ask_pull_gates(evidence)
    assert all(isinstance(result, GateResult) and result.evidence for result in results)
    assert len({result.name for result in results}) == len(results)
    assert all(result.status in GateStatus for result in results)
