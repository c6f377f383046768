"""One journal line for each change of an agent's state, whoever made it: the source of a history."""

from __future__ import annotations

from typing import Any

from fleetscripts.core.planning.progress import JUDGED
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState


def untold(fleet: Fleet) -> tuple[Fleet, list[dict[str, Any]]]:
    """The fleet with every agent's state marked as written, and a line for each that was not."""
    changed = [agent for agent in fleet.agents if agent.notices.told_state != agent.state]
    marked = [(agent, agent.changed(notices={"told_state": str(agent.state)})) for agent in changed]
    return fleet.exchange_all(marked), [state_line(agent) for agent in changed]


def state_line(agent: Agent) -> dict[str, Any]:
    """The fields of a ``state`` line, with the record's key, since windows are renumbered."""
    known = {
        "was": agent.notices.told_state,
        "pane_state": agent.seen.pane_state,
        "why": _why(agent),
        "dialog": agent.seen.dialog,
        "account": agent.account,
        "resets_at": agent.seen.resets_at,
    }
    return identity(agent) | {"state": str(agent.state)} | {name: value for name, value in known.items() if value}


def _why(agent: Agent) -> str:
    """A judgement has its own line; what the pane shows is no reason for it."""
    if agent.state is AgentState.ESCALATED:
        return agent.escalation.reason
    return "" if agent.state in JUDGED else agent.seen.reason


def identity(agent: Agent) -> dict[str, Any]:
    """The fields that identify the record in a line."""
    return {
        "id": agent.id or None,
        "window": agent.window,
        "pane_id": agent.pane_id,
        "worktree": agent.worktree,
        "branch": agent.branch,
        "spawned_at": agent.spawned_at,
    }
