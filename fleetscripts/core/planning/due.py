"""When time alone may change what is to be done about an agent: the loop looks again at that instant, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fleetscripts.core.gates.github_limit import WAIT_SECONDS
from fleetscripts.core.planning.classify import FRESH_SECONDS
from fleetscripts.core.planning.policy import (
    OBSTACLE_RETRY_SECONDS,
    REST_SECONDS,
    RULES,
    PolicyCase,
    began,
    verified_until,
)
from fleetscripts.core.planning.progress import BACKGROUND_PATIENCE, LATE_SECONDS
from fleetscripts.core.planning.rescue import OVERDUE_SECONDS, SOON_SECONDS, pause_seconds
from fleetscripts.core.planning.row_times import instants
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, PaneState, Source

JUST_AFTER_SECONDS = 0.001
"""So that a threshold has been passed, not just neared, when the look comes."""

STILL = frozenset({PaneState.RUNNING, PaneState.PROMPT, PaneState.API_ERROR})

_TIMED = tuple(rule for rule in RULES if rule.row.every_seconds or rule.on.since)
"""The rules with times of their own: few of many."""

Instant = Callable[[PolicyCase], float]
INSTANTS: Mapping[str, Instant] = {
    "it stood still": lambda case: _still_since(case) + case.limits.idle_threshold_seconds,
    "it stood still long": lambda case: _still_since(case) + case.limits.idle_threshold_seconds * BACKGROUND_PATIENCE,
    "its tools stood still": lambda case: case.agent.seen.worked_at + case.limits.idle_threshold_seconds,
    "it may be restarted again": lambda case: case.agent.attempts.restarted_at + case.agent.attempts.restarts * 2,
    "it may be nudged again": lambda case: _spoken_to(case) + case.limits.nudge_cooldown_seconds,
    "a turn may be tried again": lambda case: _spoken_to(case) + _pause(case),
    "an error stood still": lambda case: _still_since(case) + case.limits.retry_pause_seconds,
    "it may be verified again": lambda case: case.agent.verdict.at + case.limits.verify_pause_seconds,
    "its verdict is old": lambda case: verified_until(case.agent) if case.agent.verdict.at else 0,
    "its new task is old": lambda case: began(case.agent) + _task_change(case),
    "its limit is reset": lambda case: case.found.resets_at or case.agent.seen.resets_at,
    "it was parked until now": lambda case: case.agent.rescue.parked_until,
    "its client ought to have gone on": lambda case: case.agent.rescue.parked_until + OVERDUE_SECONDS,
    "it may be woken again": lambda case: _spoken_to(case) + pause_seconds(case.agent, case.limits.wake_pause_seconds),
    "its limit resets soon": lambda case: (case.found.resets_at or 0) - SOON_SECONDS,
    "it ought to have gone on": lambda case: case.agent.seen.wakes_at + LATE_SECONDS,
    "it spends no more": lambda case: case.agent.seen.spends_until,
    "it was refused for long": lambda case: case.agent.attempts.obstacle_since + case.limits.idle_threshold_seconds,
    "what it was refused is tried again": lambda case: case.agent.attempts.obstacle_at + OBSTACLE_RETRY_SECONDS,
    "GitHub's limit is old": lambda case: case.agent.seen.github_limited_at + WAIT_SECONDS,
    "it may be told of GitHub again": lambda case: case.agent.notices.github_told_at + WAIT_SECONDS,
    "it has come to rest": lambda case: _still_since(case) + REST_SECONDS if _may_move_at_rest(case) else 0,
    "what it wrote is old": lambda case: _said_last(case) + FRESH_SECONDS,
}
"""One row for each time-dependent condition of the policy and step of the classification. Times in an action's own row
are read there."""


def next_due(case: PolicyCase) -> float | None:
    """The first instant after ``case.now`` at which the policy may decide otherwise; None if there is none."""
    return _first(case, [INSTANTS[name](case) for name in _of_interest(case.agent)])


def _of_interest(agent: Agent) -> Iterable[str]:
    """The instants that matter to it: few for one that is over or waits for a person."""
    waits = agent.state is AgentState.PENDING_EVALUATION
    if not waits and not agent.finished and agent.state is not AgentState.ESCALATED:
        return INSTANTS
    if agent.task.pending is not None:
        return ("its new task is old",)
    return ("its verdict is old",) if waits else ()


def _first(case: PolicyCase, named: Iterable[float]) -> float | None:
    by_rows = (at for rule in _TIMED for at in instants(rule.row, rule.on, case.agent, case.limits))
    first = min((at for at in (*named, *by_rows) if at >= case.now), default=None)
    return None if first is None else first + JUST_AFTER_SECONDS


def _still_since(case: PolicyCase) -> float:
    """The time from which the policy counts too."""
    return case.now - case.still_seconds if case.found.state in STILL else 0


def _may_move_at_rest(case: PolicyCase) -> bool:
    return case.found.state is PaneState.PROMPT and case.limits.accounts


def _spoken_to(case: PolicyCase) -> float:
    return max(case.agent.attempts.nudged_at, case.agent.last_rebriefed_at)


def _pause(case: PolicyCase) -> float:
    return float(case.limits.retry_pause_seconds * 2 ** min(case.agent.attempts.nudges, 30))


def _task_change(case: PolicyCase) -> float:
    return case.limits.task_change_seconds


def _said_last(case: PolicyCase) -> float:
    """When a client whose turns show only in its files last wrote."""
    writing = (Source.TRANSCRIPT, Source.HOOK)
    pieces = [piece for piece in case.found.evidence if piece.source in writing and piece.at is not None]
    by_writing = case.found.state is PaneState.RUNNING and case.found.source in writing
    return max((piece.at or 0 for piece in pieces), default=0) if by_writing else 0
