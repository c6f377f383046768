"""The agent that somebody means by a handle, with tmux asked where that is a place and no name."""

from __future__ import annotations

from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.records.handles import is_place, meant
from fleetscripts.fleet import Agent, Fleet


def agent_meant(settings: Settings, fleet: Fleet, target: str) -> Agent | None:
    """The agent in the record; None when there is none. Refused where record and tmux mean different ones."""
    if not is_place(target) or not fleet.agents:
        return fleet.agent_for(target)
    tmux = Tmux(settings.tmux_socket)
    alive = {pane.pane_id for pane in tmux.panes()}
    return meant(fleet, target, tmux.panes_at(target), tmux.server(), alive)
