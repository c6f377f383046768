"""When an action row's times allow it: delay after an instant in the record, interval, count."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from fleetscripts.core.planning.action_row import ActionRow, On
from fleetscripts.core.planning.limits import Limits
from fleetscripts.fleet import Agent


def allowed(row: ActionRow, on: On, agent: Agent, limits: Limits, now: float) -> bool:
    """Whether the row's times allow it now. An instant ahead of the clock holds nothing back."""
    times, at = performed(agent, row.name)
    if row.most_times and times >= row.most_times:
        return False
    if row.every_seconds and 0 <= now - at < row.every_seconds:
        return False
    begins = _begins(on, agent, limits)
    return begins is not None and begins <= now


def instants(row: ActionRow, on: On, agent: Agent, limits: Limits) -> list[float]:
    """When time alone changes that answer."""
    _, at = performed(agent, row.name)
    again = [at, at + row.every_seconds] if row.every_seconds else []
    begins = _begins(on, agent, limits) if on.since else None
    return again + ([begins] if begins is not None else [])


def performed(agent: Agent, name: str) -> tuple[int, float]:
    """How often an action with a limited count was performed for this task, and when last, in Unix seconds."""
    known = (agent.attempts.performed or {}).get(name)
    told: Mapping[str, Any] = known if isinstance(known, Mapping) else {}
    times, at = told.get("times"), told.get("at")
    return times if isinstance(times, int) else 0, float(at) if isinstance(at, int | float) else 0.0


def performed_again(agent: Agent, name: str, now: float) -> dict[str, Any]:
    """The counts with one more of this action."""
    times, _ = performed(agent, name)
    return {**(agent.attempts.performed or {}), name: {"times": times + 1, "at": now}}


def _begins(on: On, agent: Agent, limits: Limits) -> float | None:
    """When the occasion begins, None for never."""
    if not on.since:
        return 0
    since = float(attrgetter(on.since)(agent))
    after = getattr(limits, on.after) if isinstance(on.after, str) else on.after
    return since + float(after) if since else None
