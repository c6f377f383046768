"""The gates by name, in display order. To add one, add a function and one row here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fleetscripts.core.gates import check_gates, gates, merge_gate, pull_gates
from fleetscripts.core.gates.gates import (
    CommandEvidence,
    GateResult,
    GateStatus,
    Outcome,
    PinsEvidence,
    RemoteEvidence,
    WorktreeEvidence,
    outcome_of,
)
from fleetscripts.core.gates.pull_evidence import PullEvidence
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """All the evidence on one agent's work. ``command``: run, or queried, only when a gate needs it."""

    steps: Sequence[str]
    checkpoints: Sequence[str]
    worktree: WorktreeEvidence
    remote: Callable[[], RemoteEvidence]
    command: Callable[[], CommandEvidence]
    pins: Callable[[], PinsEvidence]
    has_command: bool = False
    pull: PullEvidence | None = None
    without_pull: GateResult | None = None
    """Stands in for a pull request's gates: there is none, or it could not be read."""
    merged: bool = False
    """Whether the worktree's very commit was merged."""
    touched: Callable[[], Sequence[str] | None] = lambda: None
    """The files that differ from where the work left its base, as git names them; None if unknown."""
    call: Callable[[str], GateResult | None] = lambda _: None
    """Calls the function that a row names."""
    others: Sequence[GateResult] = ()
    """The results of the gates before."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Answered by ``ask`` from all the evidence, by ``judge`` from the pull request alone, or by a ``function``,
    ``module:function`` in ``services/verification``, that gathers its own evidence; any may answer None if it has
    nothing to say. ``with_checks``: judged once the checks have finished or stalled."""

    name: str
    ask: Callable[[GateEvidence], GateResult | None] = lambda _: None
    judge: Callable[[PullEvidence], GateResult | None] | None = None
    with_checks: bool = False
    function: str = ""


def _pushed(evidence: GateEvidence) -> GateResult:
    head = evidence.worktree.head
    return gates.merged(head) if evidence.merged else gates.pushed(evidence.remote(), head)


def _verify_command(evidence: GateEvidence) -> GateResult:
    """Not run while only other gates are pending: they will be asked again, and a test suite costs minutes each
    time."""
    waits = outcome_of(evidence.others) in (Outcome.PENDING, Outcome.UNKNOWN)
    if evidence.has_command and not evidence.worktree.problem and waits:
        return GateResult.pending("verify_command", "run once the others are decided")
    return gates.verify_command(evidence.command())


GATES: tuple[Gate, ...] = (
    Gate("steps", lambda evidence: gates.steps(evidence.steps, evidence.checkpoints)),
    Gate("github"),
    Gate("pull_request", judge=pull_gates.pull_request),
    Gate("checks", judge=check_gates.checks),
    Gate("fresh_run", judge=check_gates.fresh_run),
    Gate("threads", judge=pull_gates.threads, with_checks=True),
    Gate("resolutions", judge=pull_gates.resolutions, with_checks=True),
    Gate("reviews", judge=pull_gates.reviews, with_checks=True),
    Gate("remarks", judge=pull_gates.remarks),
    Gate("conflicts", judge=pull_gates.conflicts),
    Gate("merging", judge=merge_gate.merging),
    Gate("clean", lambda evidence: gates.clean(evidence.worktree)),
    Gate("branch", lambda evidence: gates.branch(evidence.worktree)),
    Gate("pushed", _pushed),
    Gate("submodules", lambda evidence: gates.submodules(evidence.pins())),
    Gate("pr_test", function="pr_test_gate:pr_test"),
    Gate("review", function="review_gate:review_gate"),
    Gate("verify_command", _verify_command),
)
"""The last one is asked when all others have answered."""


def is_gate(name: str) -> bool:
    """Whether ``--override`` may name it."""
    return any(gate.name == name for gate in GATES)


def ask_gates(evidence: GateEvidence) -> tuple[GateResult, ...]:
    said: list[GateResult] = []
    for gate in GATES:
        about_pull = _of_pull(gate, evidence.pull, evidence.without_pull, said)
        own = evidence.call(gate.function) if gate.function else None
        answer = about_pull or own or gate.ask(replace(evidence, others=tuple(said)))
        said += [answer] if answer is not None else []
    return tuple(said)


def ask_pull_gates(pull: PullEvidence | None, without_pull: GateResult | None = None) -> tuple[GateResult, ...]:
    """Those that GitHub answers."""
    said: list[GateResult] = []
    for gate in GATES:
        answer = _of_pull(gate, pull, without_pull, said)
        said += [answer] if answer is not None else []
    return tuple(said)


def _of_pull(
    gate: Gate, pull: PullEvidence | None, without_pull: GateResult | None, said: Sequence[GateResult]
) -> GateResult | None:
    if without_pull is not None and without_pull.name == gate.name:
        return without_pull
    if pull is None or gate.judge is None:
        return None
    checks_wait = any(one.name == "checks" and one.status is GateStatus.PENDING for one in said)
    if gate.with_checks and checks_wait and not pull.stands_still:
        return GateResult.pending(gate.name, "looked at once the checks have finished or stalled")
    return gate.judge(pull)
