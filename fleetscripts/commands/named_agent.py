"""Resolves a command's WINDOW to an agent and its fleet, and describes it for ``--json``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fleetscripts.errors import Refusal

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Agent, Fleet


def load_agent(options: Mapping[str, object], target: str) -> tuple[Settings, Fleet, Agent]:
    """Settings, fleet and the agent by its record, recycled or not."""
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.observe.agent_meant import agent_named

    settings, fleet = load_fleet(os.environ, options)
    return settings, fleet, agent_named(settings, fleet, target)


def load_agent_at_work(options: Mapping[str, object], target: str) -> tuple[Settings, Fleet, Agent]:
    """The same; Refusal if the agent was recycled, which leaves nothing of its work."""
    from fleetscripts.models import AgentState

    settings, fleet, agent = load_agent(options, target)
    if agent.state is AgentState.RECYCLED:
        raise Refusal(f"{agent.called} was recycled: nothing of its work is left there")
    return settings, fleet, agent


def identity(agent: Agent) -> dict[str, Any]:
    """The fields of ``--json`` that identify an agent."""
    return {
        "id": agent.id,
        "window": agent.window,
        "pane_id": agent.pane_id,
        "worktree": agent.worktree,
        "worktree_path": agent.worktree_path,
        "branch": agent.branch,
        "pr_number": agent.pr_number,
        "session_id": agent.session_id,
        "agent": agent.agent,
        "account": agent.account,
    }
