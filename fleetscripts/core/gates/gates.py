"""Gates: one completion check each, pure, over evidence gathered elsewhere. What was not measured never passes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import EXIT_DONE, EXIT_FAILED, EXIT_NO, EXIT_PENDING
from fleetscripts.invocation import spelled

SHOWN_PATHS = 5
"""How many changed paths an evidence text names."""


class GateStatus(StrEnum):
    """The result of one gate."""

    PASS = "pass"
    FAIL = "fail"
    PENDING = "pending"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """The result of all gates together."""

    VERIFIED = "verified"
    NOT_COMPLETE = "not_complete"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's result, with the evidence in words that an agent can act on."""

    name: str
    status: GateStatus
    evidence: str
    by_person: bool = False
    """Only a person can resolve it."""

    @classmethod
    def passed(cls, name: str, evidence: str) -> GateResult:
        return cls(name, GateStatus.PASS, evidence)

    @classmethod
    def failed(cls, name: str, evidence: str) -> GateResult:
        return cls(name, GateStatus.FAIL, evidence)

    @classmethod
    def pending(cls, name: str, evidence: str) -> GateResult:
        return cls(name, GateStatus.PENDING, evidence)

    @classmethod
    def unknown(cls, name: str, evidence: str) -> GateResult:
        return cls(name, GateStatus.UNKNOWN, evidence)


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """All gates' results, in order. Any failed: no. Any unmeasured: unknown. Any running: pending."""

    gates: tuple[GateResult, ...]
    head: str = ""
    """The commit that was judged."""

    @property
    def outcome(self) -> Outcome:
        said = {gate.status for gate in self.gates}
        if GateStatus.FAIL in said:
            return Outcome.NOT_COMPLETE
        if not said or GateStatus.UNKNOWN in said:
            return Outcome.UNKNOWN
        return Outcome.PENDING if GateStatus.PENDING in said else Outcome.VERIFIED

    @property
    def exit_code(self) -> int:
        return {
            Outcome.VERIFIED: EXIT_DONE,
            Outcome.NOT_COMPLETE: EXIT_NO,
            Outcome.PENDING: EXIT_PENDING,
            Outcome.UNKNOWN: EXIT_FAILED,
        }[self.outcome]

    def holding_back(self) -> tuple[GateResult, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if gate.status is not GateStatus.PASS)

    def findings(self) -> str:
        """All that did not pass, on one line."""
        return "; ".join(f"{gate.name} {gate.status}: {gate.evidence}" for gate in self.holding_back())


def outcome_of(gates: Iterable[GateResult]) -> Outcome:
    """The combined result of these gates."""
    return GateVerdict(tuple(gates)).outcome


@dataclass(frozen=True, slots=True)
class WorktreeEvidence:
    """The agent's worktree; ``problem`` if it could not be read."""

    wanted_branch: str
    branch: str | None = None
    head: str = ""
    changes: tuple[str, ...] = ()
    as_checked_out: tuple[str, ...] = ()
    """Files that git shows as modified right after a checkout, which the repository causes."""
    operation: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RemoteEvidence:
    """The branch and its counterpart on the remote. ``remote`` None: the repository has none, or had none when the
    agent was ``recorded``; ``expected``: it should have one."""

    remote: str | None = None
    expected: bool = False
    recorded: bool = False
    exists: bool = False
    ahead: int = 0
    behind: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CommandEvidence:
    """The agent's verify command; ``command`` empty: none is configured. ``output`` is only its end."""

    command: str = ""
    exit_code: int | None = None
    timed_out_after_seconds: float | None = None
    output: str = ""
    moved: bool = False
    """HEAD or the branch changed while it ran."""
    problem: str = ""


def steps(required: Iterable[str], reported: Iterable[str]) -> GateResult:
    """Every required step was checkpointed in the agent's own messages."""
    wanted, seen = list(dict.fromkeys(required)), set(reported)
    missing = [step for step in wanted if step not in seen]
    if missing:
        return GateResult.failed(
            "steps", f"no checkpoint for {', '.join(missing)}: print CHECKPOINT:<step> once each is done"
        )
    return GateResult.passed("steps", f"{len(wanted)} of {len(wanted)} checkpointed" if wanted else "none required")


def clean(worktree: WorktreeEvidence) -> GateResult:
    """Nothing uncommitted or untracked, no merge or rebase in progress."""
    if worktree.problem:
        return GateResult.unknown("clean", worktree.problem)
    if worktree.operation:
        return GateResult.failed("clean", f"a {worktree.operation} is under way: finish or abort it")
    if not worktree.changes:
        own = worktree.as_checked_out
        said = f"; {own[0]} ({len(own)} in all) differs only in how a checkout writes it" if own else ""
        return GateResult.passed("clean", f"nothing uncommitted{said}")
    shown = ", ".join(worktree.changes[:SHOWN_PATHS])
    more = len(worktree.changes) - SHOWN_PATHS
    return GateResult.failed(
        "clean", f"uncommitted: {shown}{f' and {more} more' if more > 0 else ''}: commit or remove"
    )


def branch(worktree: WorktreeEvidence) -> GateResult:
    """The worktree is on the agent's branch."""
    if worktree.problem:
        return GateResult.unknown("branch", worktree.problem)
    if not worktree.wanted_branch:
        return GateResult.unknown("branch", f"the record names no branch: {spelled('update-agent')} WINDOW branch=NAME")
    if worktree.branch == worktree.wanted_branch:
        return GateResult.passed("branch", f"on {worktree.branch}")
    found = "a detached HEAD" if worktree.branch is None else worktree.branch
    return GateResult.failed(
        "branch", f"expected {worktree.wanted_branch}, found {found}: check out {worktree.wanted_branch}"
    )


def pushed(remote: RemoteEvidence, head: str) -> GateResult:
    """The remote has exactly this branch's commits. Without a remote recorded at spawn there is nowhere to push, and
    the gate says so; a remote that is missing only now may have been removed."""
    if remote.problem:
        return GateResult.unknown("pushed", remote.problem)
    if remote.remote is None:
        if remote.expected:
            return GateResult.failed(
                "pushed", "the task belongs to a GitHub repository, but no remote is configured: add it back"
            )
        if not remote.recorded:
            return GateResult.unknown(
                "pushed",
                "not pushed anywhere: the repository has no remote now, and what it had was not recorded at spawn",
            )
        return GateResult.passed(
            "pushed", "not pushed anywhere: the repository had no remote when the agent was spawned"
        )
    if not remote.exists:
        return GateResult.failed("pushed", f"{remote.remote} has no such branch: push it")
    if remote.ahead or remote.behind:
        sides = [
            f"{n} commit{'s' * (n > 1)} {side}"
            for n, side in ((remote.ahead, "ahead of"), (remote.behind, "behind"))
            if n
        ]
        advice = "push" if not remote.behind else "pull, then push" if remote.ahead else "pull"
        return GateResult.failed("pushed", f"{' and '.join(sides)} {remote.remote}: {advice}")
    return GateResult.passed("pushed", f"{remote.remote} has {head[:12]}")


@dataclass(frozen=True, slots=True)
class PinsEvidence:
    """Submodules whose pinned commit the branch changed, each in words; ``problem`` if they could not be read."""

    pushed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""


def submodules(pins: PinsEvidence) -> GateResult | None:
    """Every commit that the branch newly pins is on a branch of that submodule's remote. No gate if none changed."""
    if pins.problem:
        return GateResult.unknown("submodules", pins.problem)
    if pins.missing:
        return GateResult.failed("submodules", "; ".join(pins.missing))
    if pins.unknown:
        return GateResult.unknown("submodules", "; ".join(pins.unknown))
    return GateResult.passed("submodules", "; ".join(pins.pushed)) if pins.pushed else None


def merged(head: str) -> GateResult:
    """The commit was merged: its branch need not be on the remote any more."""
    return GateResult.passed("pushed", f"{head[:12]} was merged")


def verify_command(command: CommandEvidence) -> GateResult:
    """The command fixed at spawn exits with 0."""
    if command.problem:
        return GateResult.unknown("verify_command", command.problem)
    if not command.command:
        return GateResult.passed("verify_command", "none configured")
    if command.timed_out_after_seconds is not None:
        return GateResult.failed(
            "verify_command", f"{command.command}: not done after {command.timed_out_after_seconds:g} s"
        )
    if command.exit_code != 0:
        ending = f": {command.output}" if command.output else ""
        return GateResult.failed("verify_command", f"{command.command}: exit code {command.exit_code}{ending}")
    if command.moved:
        return GateResult("verify_command", GateStatus.PENDING, "commits arrived while it ran: verify again")
    return GateResult.passed("verify_command", f"{command.command}: exit code 0")
