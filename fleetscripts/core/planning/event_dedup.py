"""Hands decisions to the orchestrator one by one: each once, and again only if it persists for long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleetscripts.core.planning.actions import NOTICED
from fleetscripts.core.planning.attention import notice_of
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind, AgentState


def occasion(agent: Agent, action: Action) -> str:
    """This decision's key while it persists: the same dialog or escalation, whatever the screen does."""
    if action.action in NOTICED:
        return f"{action.action}:{int(agent.notices.last_at or agent.escalation.at)}"
    return notice_of(agent, action)


def to_hand_out(
    decided: Iterable[tuple[Agent, Action]], now: float, again_after_seconds: float
) -> list[tuple[Agent, Action]]:
    """Decisions not handed out yet, or handed out so long ago that the receiver is presumed gone."""
    return [
        (agent, action)
        for agent, action in decided
        if action.kind is ActionKind.DECISION
        and (
            agent.notices.handed_out != occasion(agent, action)
            or not 0 <= now - agent.notices.handed_out_at < again_after_seconds
        )
    ]


def handed_out(fleet: Fleet, given: Iterable[tuple[Agent, Action]], now: float) -> Fleet:
    """The fleet with these noted as handed out."""
    for agent, action in given:
        fleet = fleet.change(agent, notices={"handed_out": occasion(agent, action), "handed_out_at": now})
    return fleet


def told(agent: Agent) -> tuple[object, ...]:
    """What changes in a record when the loop has news for the orchestrator."""
    return (agent.key, agent.state, agent.notices.last, agent.notices.last_at)


def may_wait(agent: Agent) -> bool:
    """Whether the record has something that was notified; a look decides whether it still holds."""
    return bool(agent.notices.last_at) or agent.state in (AgentState.PENDING_EVALUATION, AgentState.ESCALATED)


def nothing_new(standing: Sequence[tuple[Agent, Action]], summary: str, waited_seconds: float) -> str:
    """The line printed at the timeout."""
    line = f"nothing new in {waited_seconds:.0f} s ({summary})"
    names = ", ".join(f"{action.window} {action.action}" for _, action in standing)
    return f"{line}; handed out before and not settled yet: {names}" if names else line


def as_event(members: Mapping[str, Any], agent: Agent) -> dict[str, Any]:
    """One decision as poll-cycle shows it, with its objective."""
    return {**members, "objective": agent.objective[:500], "branch": agent.branch}
