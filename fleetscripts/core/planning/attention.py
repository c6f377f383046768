"""What to notify a person or the orchestrator of: once for each thing, again when nobody looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fleetscripts.core.planning.action_row import Once
from fleetscripts.core.planning.actions import BY_NAME, NOTICED
from fleetscripts.core.planning.plan import all_done
from fleetscripts.core.planning.progress import CLOCK_SLACK_SECONDS
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, AgentState, DialogKind

WAITS = frozenset({AgentState.PENDING_EVALUATION, AgentState.ESCALATED})

ANIMATED = frozenset({DialogKind.LOGIN})
"""Codex animates its login screen: a screen that changes there is not another dialog."""


def notice_of(agent: Agent, action: Action) -> str:
    """The occasion's key: the same dialog or standstill is notified once."""
    once = BY_NAME[action.action].once
    if once is not Once.NO:
        return f"{action.action}:{int(agent.hold.since if once is Once.HOLD else agent.task.started_at)}"
    moved_at = 0.0 if agent.seen.dialog in ANIMATED else agent.seen.output_changed_at
    return f"{action.action}:{agent.seen.dialog}:{int(max(agent.seen.since, moved_at))}"


def is_news(agent: Agent, action: Action) -> bool:
    """Whether this decision has not been notified yet."""
    if action.action in NOTICED:
        return not agent.notices.last_at
    return notice_of(agent, action) != agent.notices.last


def told_of_another(fleet: Fleet, agent: Agent, action: Action) -> bool:
    """Whether the same cap, which is shared by several agents, was notified for another of them."""
    others = [one for one in fleet.agents if one.hold.cap and one.hold.cap == agent.hold.cap and not one.is_same(agent)]
    return BY_NAME[action.action].once is Once.HOLD and any(not is_news(one, action) for one in others)


def waiting_since(fleet: Fleet, deciding: Iterable[Agent]) -> float | None:
    """Since when something waits for the orchestrator; None when nothing does."""
    waiting = [agent.notices.last_at for agent in fleet.agents if agent.state in WAITS]
    told = [at for at in (*waiting, *(agent.notices.last_at for agent in deciding)) if at]
    return min(told, default=None)


def unseen(fleet: Fleet, since: float | None, patience_seconds: float, now: float) -> bool:
    """Whether something waited too long without anybody looking or being notified."""
    if since is None:
        return False
    return now - max(since, fleet.orchestrator_seen_at, fleet.orchestrator_called_at) >= patience_seconds


def clamp_future_times(fleet: Fleet, now: float) -> Fleet:
    """Clamp times ahead of the clock to now, as after the clock was set back."""
    latest = now + CLOCK_SLACK_SECONDS
    names = ("orchestrator_seen_at", "orchestrator_called_at")
    ahead: dict[str, Any] = {name: now for name in names if getattr(fleet, name) > latest}
    return replace(fleet, **ahead) if ahead else fleet


def newly_done(fleet: Fleet) -> bool:
    """Whether all agents are done and nobody was notified of it."""
    return all_done(fleet.agents) and not fleet.all_done_notified_at


def summary(agents: Iterable[Agent]) -> str:
    """``3 done, 1 escalated``."""
    states = [str(agent.state) for agent in agents if agent.state is not AgentState.RECYCLED]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states))) or "no agents"
