"""The agent that a command's WINDOW names, with the fleet that it is in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fleetscripts.errors import Refused

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Agent, Fleet


def load_agent(options: Mapping[str, object], target: str) -> tuple[Settings, Fleet, Agent]:
    """Settings, fleet and the agent in its record, recycled or not."""
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.observe.agent_meant import agent_named

    settings, fleet = load_fleet(os.environ, options)
    return settings, fleet, agent_named(settings, fleet, target)


def load_agent_at_work(options: Mapping[str, object], target: str) -> tuple[Settings, Fleet, Agent]:
    """The same; Refused where the agent was recycled, which leaves nothing of its work."""
    from fleetscripts.models import AgentState

    settings, fleet, agent = load_agent(options, target)
    if agent.state is AgentState.RECYCLED:
        raise Refused(f"{agent.called} was recycled: nothing of its work is left there")
    return settings, fleet, agent
