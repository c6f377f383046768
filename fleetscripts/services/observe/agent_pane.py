"""Which pane is an agent's, and which agent is in a pane."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscripts.config import Settings
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, PaneFacts, ServerId
from fleetscripts.services.observe.agent_meant import agent_meant

if TYPE_CHECKING:
    from fleetscripts.adapters.tmux.tmux import Tmux


def pane_of(agent: Agent, panes: Sequence[PaneFacts], server: ServerId | None) -> PaneFacts | None:
    """Its pane: by id if this server gave it, by window if no id is known."""
    if pane_id := agent.pane_on(server):
        return next((pane for pane in panes if pane.pane_id == pane_id), None)
    if agent.pane_id or agent.state is AgentState.RECYCLED:
        return None
    return next((pane for pane in panes if pane.window == agent.window), None)


def own_pane_of(agent: Agent, panes: Sequence[PaneFacts], server: ServerId | None, worktree: str) -> PaneFacts | None:
    """Its pane, for acting on it. A record without ids is trusted only if the pane works in its worktree: its window's
    number may be another's by now."""
    pane = pane_of(agent, panes, server)
    if pane is None or agent.pane_id:
        return pane
    named = bool(pane.path) and Path(worktree).is_absolute()
    inside = named and Path(os.path.realpath(pane.path)).is_relative_to(os.path.realpath(worktree))
    return pane if inside else None


def pane_ids(agents: Sequence[Agent], tmux: Tmux, server: ServerId | None) -> Mapping[str, str]:
    """Pane ids by ``Agent.key``; tmux lists its panes only for records without an id, none of which gets another's."""
    if server is None:
        return {}
    own = {agent.key: agent.pane_on(server) for agent in agents}
    nameless = any(not agent.pane_id for agent in agents)
    free = [pane for pane in tmux.panes() if pane.pane_id not in own.values()] if nameless else []
    for agent in agents:
        if not own[agent.key] and (pane := pane_of(agent, free, server)) is not None:
            own[agent.key] = pane.pane_id
    return {key: pane_id for key, pane_id in own.items() if pane_id}


def pane_meant(tmux: Tmux, settings: Settings, fleet: Fleet | None, server: ServerId, target: str) -> PaneFacts | None:
    """The pane meant by a window, a pane id, a window id or an agent's name."""
    agent = agent_meant(settings, fleet, target) if fleet is not None else None
    return tmux.resolve((agent.pane_on(server) if agent is not None else None) or target)


def taken_over(tmux: Tmux, agent: Agent, target: str) -> str:
    """Says that the named place was this agent's, and is another pane's by now; empty if there is no pane."""
    there = tmux.resolve(target)
    return f"{target} was {agent.handle}, whose pane is gone; the pane there now is {there.pane_id}" if there else ""


def agents_by_pane(fleet: Fleet | None, server: ServerId | None) -> dict[str, Agent]:
    """Agents by the pane ids that this server gave; one at work takes precedence over a finished one, that over a
    recycled one."""
    there = [agent for agent in fleet.agents if agent.pane_on(server)] if fleet is not None else []
    there.sort(key=lambda agent: (agent.state is not AgentState.RECYCLED, not agent.finished))
    return {agent.pane_id: agent for agent in there}


def agent_at(fleet: Fleet | None, pane_id: str, server: ServerId | None) -> Agent | None:
    """The fleet's agent that works, or worked last, in this pane of this server."""
    return agents_by_pane(fleet, server).get(pane_id)


def agent_in_pane(fleet: Fleet, environ: Mapping[str, str]) -> Agent | None:
    """The agent in whose pane this process runs, by ``TMUX_PANE`` and the server in ``TMUX``."""
    pane_id = environ.get("TMUX_PANE", "")
    words = environ.get("TMUX", "").rsplit(",", 2)
    server_pid = words[1] if len(words) == 3 else ""
    for agent in reversed(fleet.agents):
        same_server = agent.tmux_server is None or server_pid in ("", str(agent.tmux_server.pid))
        if pane_id and agent.pane_id == pane_id and same_server and agent.state is not AgentState.RECYCLED:
            return agent
    return None
