"""Resolves a WINDOW argument to an agent; asks tmux if it names a place."""

from __future__ import annotations

from fleetscripts.config import Settings
from fleetscripts.core.records.handles import is_place, meant
from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState

LONGEST_LIST = 400
"""Width of the names in an error: some thirty agents."""


def agent_meant(settings: Settings, fleet: Fleet, target: str) -> Agent | None:
    """The agent in the record; None if there is none. Refusal if record and tmux mean different ones."""
    if not is_place(target) or not fleet.agents:
        return fleet.agent_for(target)
    from fleetscripts.adapters.tmux.tmux import Tmux  # here, so that a report does not load it

    tmux = Tmux(settings.tmux_socket)
    alive = {pane.pane_id for pane in tmux.panes()}
    return meant(fleet, target, tmux.panes_at(target), tmux.server(), alive)


def agent_named(settings: Settings, fleet: Fleet, target: str) -> Agent:
    """The agent in the record; otherwise an error that lists the agents."""
    agent = agent_meant(settings, fleet, target)
    if agent is None:
        there = [known.handle for known in fleet.agents if known.state is not AgentState.RECYCLED]
        known = fit(", ".join(map(sanitize, there)), LONGEST_LIST) or "none"
        raise FleetError(f"no agent {sanitize(target)!r} in {settings.state_file}; there are: {known}")
    return agent
