"""The parts of an agent's record, by who writes them. Each is an object of its own in the state file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from functools import cache
from typing import Any, TypeVar

from fleetscripts.dataclass import dataclass, replace
from fleetscripts.schema import Count, UnixSeconds


def was(name: str, default: Any = "") -> Any:
    """A field that stood flat in the record, by this name, before there were parts: read, and set, by it as well."""
    return field(default=default, metadata={WAS: name})


WAS = "was"


P = TypeVar("P", bound=Any)


def typed(part: object, kind: str) -> tuple[str, ...]:
    """The names of the fields that are annotated so: ``UnixSeconds``, ``Count``."""
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
    """The task beside what the seed says of it. ``pending``: another one that is being given just now."""

    started_at: UnixSeconds = was("task_started_at", 0)
    file: str = was("task")
    image: str = was("image_path")
    verify_command: str = was("verify_command")
    fresh_run: bool = was("fresh_run", True)
    accepted_threads: Mapping[str, Any] | None = was("accepted_threads", None)
    pending: Mapping[str, Any] | None = was("new_task", None)
    reviews: str = ""
    """The key of the agent whose work it reviews; empty: it works itself."""
    reviewed_head: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LastLook:
    """What the last look at the pane found. Written by nothing else."""

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
    """Its limit on memory, and how many the kernel had ended in it: ``NAME:COUNT``."""
    killed_at: UnixSeconds = 0
    out_of_memory: str = ""
    """Why the end of its client is known for one by the kernel; until another client runs."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempts:
    """What was done to get it on, counted. ``refusal``: why the dialog that stands there was not answered.

    ``obstacle``: why the last action was refused, since when, and when that was met again. ``performed``: by the name
    of an action, of those that are limited in their row, how often (``times``) and when last (``at``, Unix seconds)."""

    restarts: Count = was("kicks", 0)
    nudges: Count = was("nudges", 0)
    rounds: Count = was("rounds", 0)
    fruitless_rounds: Count = was("fruitless_rounds", 0)
    rescues: Count = was("rescue_tries", 0)
    wakes: Count = 0
    memory_restarts: Count = 0
    failed_accounts: tuple[str, ...] = was("failed_accounts", ())
    limited_models: tuple[str, ...] = ()
    """Those whose limits it was moved away from since it last got on."""
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
        """A checkpoint or a commit: what was tried for it has done its work."""
        tried = replace(self, failed_accounts=(), limited_models=(), memory_restarts=0)
        return replace(tried, restarts=0, nudges=0, fruitless_rounds=0, rescues=0, wakes=0)

    def rebriefed(self) -> Attempts:
        """It was told what its work lacks: one more round, which has all restarts and nudges before it."""
        more = self.fruitless_rounds + 1
        return replace(self, restarts=0, nudges=0, fruitless_rounds=more, rounds=self.rounds + 1)

    def verified(self) -> Attempts:
        """Every gate held."""
        return replace(self, restarts=0, nudges=0, rounds=0, fruitless_rounds=0)

    def lifted(self) -> Attempts:
        """Somebody ended an escalation: everything may be tried again."""
        tried = replace(self, rounds=0, fruitless_rounds=0, limited_models=(), memory_restarts=0)
        return replace(tried, restarts=0, nudges=0, rescues=0, wakes=0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last verdict on its work, and since when it has been the same."""

    outcome: str = was("last_verdict")
    at: UnixSeconds = was("last_verified_at", 0)
    since: UnixSeconds = was("verdict_since", 0)
    told_at: UnixSeconds = was("verdict_told_at", 0)
    checks: str = was("last_checks")
    findings: str = was("last_findings")
    head: str = ""
    """The commit that was judged."""
    waiting: str = ""
    """What somebody found missing, and the agent was not there to be told."""
    review: Mapping[str, Any] | None = None
    """The last review of its work: ``head``, ``verdict`` (PASS or FAIL), ``by``, ``at``."""
    failures_told: Mapping[str, Any] | None = None
    """By the number of a failed job on GitHub: how often the agent was told of it."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notices:
    """What was told of it, and to whom: a person, the journal, whoever waits for events, the agent itself."""

    last: str = was("last_notice")
    last_at: UnixSeconds = was("last_notice_at", 0)
    told_state: str = was("told_state")
    handed_out: str = was("handed_out")
    handed_out_at: UnixSeconds = was("handed_out_at", 0)
    github_told_at: UnixSeconds = was("github_told_at", 0)
    overlaps_told: tuple[str, ...] = ()
    """Conflicts of its branch: the other agent's key and the file."""
    tools_killed: Count = 0
    """How many of its tools the kernel has ended for memory of which nobody was told yet."""
    extra: Mapping[str, Any] = field(default_factory=dict)


RECYCLING = "its worktree is being made spare again"
"""Why an agent is held from the decision to recycle it on: only that is finished, whatever its client still does."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Paused by a person: the loop leaves it alone until it works again. Or by a cap on what is spent.

    ``cap``: the key of the cap that allows it no other turn."""

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
    """How far it has come out of a usage limit."""

    stage: str = was("rescue_stage")
    problem: str = was("rescue_problem")
    parked_until: UnixSeconds = was("parked_until", 0)
    handover_from: str = was("handover_from")
    origin: str = was("rescued_from")
    extra: Mapping[str, Any] = field(default_factory=dict)
