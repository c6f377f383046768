"""The fleet's tmux session, identified by its id: names change, and are reused."""

from __future__ import annotations

from dataclasses import replace

from fleetscripts.fleet import Fleet
from fleetscripts.models import PaneFacts, ServerId


def session_of(fleet: Fleet) -> str:
    """The fleet's session; where none is recorded, that of an agent at work. Empty if there is neither."""
    at_work = (agent.window.rpartition(":")[0] for agent in fleet.agents if not agent.finished)
    return fleet.tmux_session or next(filter(None, at_work), "")


def with_session_of(fleet: Fleet, facts: PaneFacts, server: ServerId | None) -> Fleet:
    """The fleet with its session's id learned from one of its panes, or its session's new name."""
    if server is None or not facts.session_id:
        return fleet
    if (facts.session_id, server) == (fleet.tmux_session_id, fleet.tmux_session_server):
        return fleet if facts.session == fleet.tmux_session else replace(fleet, tmux_session=facts.session)
    if facts.session != fleet.tmux_session:
        return fleet
    return replace(fleet, tmux_session_id=facts.session_id, tmux_session_server=server)
