"""The parts of an agent's record, by writer. Each is an object of its own in the state file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from functools import cache
from typing import Any, TypeVar

from fleetscripts.dataclass import dataclass, replace
from fleetscripts.schema import Count, UnixSeconds


def was(name: str, default: Any = "") -> Any:
    """A field's former flat name in the record: still read, and settable."""
    return field(default=default, metadata={WAS: name})


WAS = "was"


P = TypeVar("P", bound=Any)


def typed(part: object, kind: str) -> tuple[str, ...]:
    """The names of the fields with this annotation: ``UnixSeconds``, ``Count``."""
    return _typed(part if isinstance(part, type) else type(part), kind)


@cache
def _typed(part: type, kind: str) -> tuple[str, ...]:
    return tuple(one.name for one in fields(part) if one.type == kind)


def not_after(part: P, latest: float, now: float) -> P:
    """The part with every instant later than ``latest`` set to ``now``."""
    ahead = {name: now for name in typed(part, "UnixSeconds") if getattr(part, name) > latest}
    return replace(part, **ahead) if ahead else part


@dataclass(frozen=True, slots=True)
class Task:
    """The task beyond the seed's fields. ``pending``: another one that is being assigned now."""

    started_at: UnixSeconds = was("task_started_at", 0)
    file: str = was("task")
    image: str = was("image_path")
    verify_command: str = was("verify_command")
    fresh_run: bool = was("fresh_run", True)
    accepted_threads: Mapping[str, Any] | None = was("accepted_threads", None)
    pending: Mapping[str, Any] | None = was("new_task", None)
    reviews: str = ""
    """The key of the agent whose work it reviews; empty: no reviewer."""
    reviewed_head: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LastLook:
    """The findings of the last look at the pane. Written by nothing else."""

    pane_state: str = was("pane_state")
    since: UnixSeconds = was("pane_state_since", 0)
    reason: str = was("pane_reason")
    dialog: str = was("dialog")
    error: str = was("error")
    resets_at: UnixSeconds = was("resets_at", 0)
    spends_until: UnixSeconds = 0
    wakes_at: float = 0
    unknown_since: UnixSeconds = was("unknown_since", 0)
    output_changed_at: UnixSeconds = was("output_changed_at", 0)
    worked_at: UnixSeconds = was("worked_at", 0)
    tool_processes: str = was("tool_processes")
    tool_cpu_seconds: float = was("tool_cpu_seconds", 0)
    commit: str = was("last_commit")
    said: str = was("last_said")
    denied: str = ""
    github_limited_at: UnixSeconds = was("github_limited_at", 0)
    shown: Mapping[str, Any] | None = None
    scope: str = ""
    """Its memory scope, and how many processes the kernel had killed in it: ``NAME:COUNT``."""
    killed_at: UnixSeconds = 0
    out_of_memory: str = ""
    """Why its client is known to have been killed for memory; until another client runs."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Counts of actions since its last progress. ``refusal``: why the present dialog was not answered. ``obstacle``:
    why the last action was refused, since when, and when it last was. ``performed``: by name of an action with a limit
    in its row, how often (``times``) and when last (``at``, Unix seconds)."""

    restarts: Count = was("kicks", 0)
    nudges: Count = was("nudges", 0)
    rounds: Count = was("rounds", 0)
    fruitless_rounds: Count = was("fruitless_rounds", 0)
    rescues: Count = was("rescue_tries", 0)
    wakes: Count = 0
    memory_restarts: Count = 0
    failed_accounts: tuple[str, ...] = was("failed_accounts", ())
    limited_models: tuple[str, ...] = ()
    """The models that it was moved away from at their limits since its last progress."""
    refusal: str = was("held_back")
    obstacle: str = ""
    obstacle_since: UnixSeconds = 0
    obstacle_at: UnixSeconds = 0
    restarted_at: UnixSeconds = was("last_kicked_at", 0)
    nudged_at: UnixSeconds = was("last_nudged_at", 0)
    rescued_at: UnixSeconds = was("rescued_at", 0)
    performed: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def after_progress(self) -> Attempts:
        """After a checkpoint or a commit: the tries before it were successful."""
        tried = replace(self, failed_accounts=(), limited_models=(), memory_restarts=0)
        return replace(tried, restarts=0, nudges=0, fruitless_rounds=0, rescues=0, wakes=0)

    def rebriefed(self) -> Attempts:
        """It was sent what its work lacks: one more round, with fresh counts of restarts and nudges."""
        more = self.fruitless_rounds + 1
        return replace(self, restarts=0, nudges=0, fruitless_rounds=more, rounds=self.rounds + 1)

    def verified(self) -> Attempts:
        """Every gate passed."""
        return replace(self, restarts=0, nudges=0, rounds=0, fruitless_rounds=0)

    def lifted(self) -> Attempts:
        """An escalation was lifted: everything may be tried again."""
        tried = replace(self, rounds=0, fruitless_rounds=0, limited_models=(), memory_restarts=0)
        return replace(tried, restarts=0, nudges=0, rescues=0, wakes=0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last verdict on its work, and since when it has not changed."""

    outcome: str = was("last_verdict")
    at: UnixSeconds = was("last_verified_at", 0)
    since: UnixSeconds = was("verdict_since", 0)
    told_at: UnixSeconds = was("verdict_told_at", 0)
    checks: str = was("last_checks")
    findings: str = was("last_findings")
    head: str = ""
    """The commit that was judged."""
    waiting: str = ""
    """What was found missing while the agent could not receive it."""
    review: Mapping[str, Any] | None = None
    """The last review of its work: ``head``, ``verdict`` (PASS or FAIL), ``by``, ``at``."""
    failures_told: Mapping[str, Any] | None = None
    """By the number of a failed job on GitHub: how often the agent was sent it."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notices:
    """Notifications sent about it: to a person, the journal, those who wait for events, the agent itself."""

    last: str = was("last_notice")
    last_at: UnixSeconds = was("last_notice_at", 0)
    told_state: str = was("told_state")
    handed_out: str = was("handed_out")
    handed_out_at: UnixSeconds = was("handed_out_at", 0)
    github_told_at: UnixSeconds = was("github_told_at", 0)
    overlaps_told: tuple[str, ...] = ()
    """Conflicts of its branch already reported: the other agent's key and the file."""
    tools_killed: Count = 0
    """How many of its tools were killed for memory without having been reported."""
    extra: Mapping[str, Any] = field(default_factory=dict)


RECYCLING = "its worktree is being made spare again"
"""The reason of a hold from the decision to recycle on: recycling is only finished, whatever the client still does."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Paused by a person: the loop leaves it alone until it works again. Or by a spending cap. ``cap``: the key of the
    cap that allows no further turn."""

    reason: str = was("held")
    since: UnixSeconds = was("held_at", 0)
    cap: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Why it waits for a person."""

    reason: str = was("escalation")
    at: UnixSeconds = was("escalated_at", 0)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rescue:
    """The progress of its rescue from a usage limit."""

    stage: str = was("rescue_stage")
    problem: str = was("rescue_problem")
    parked_until: UnixSeconds = was("parked_until", 0)
    handover_from: str = was("handover_from")
    origin: str = was("rescued_from")
    extra: Mapping[str, Any] = field(default_factory=dict)
