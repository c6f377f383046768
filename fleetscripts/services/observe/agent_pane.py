"""Where an agent's pane is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, PaneFacts, ServerId


def pane_of(agent: Agent, panes: Sequence[PaneFacts], server: ServerId | None) -> PaneFacts | None:
    """Its pane by id where the server is the one that gave the id, by window where no id is known."""
    if pane_id := agent.pane_on(server):
        return next((pane for pane in panes if pane.pane_id == pane_id), None)
    if agent.pane_id or agent.state is AgentState.RECYCLED:
        return None
    return next((pane for pane in panes if pane.window == agent.window), None)


def agent_in_pane(fleet: Fleet, environ: Mapping[str, str]) -> Agent | None:
    """The agent whose pane this process runs in, by ``TMUX_PANE`` and the server in ``TMUX``."""
    pane_id = environ.get("TMUX_PANE", "")
    words = environ.get("TMUX", "").rsplit(",", 2)
    server_pid = words[1] if len(words) == 3 else ""
    for agent in reversed(fleet.agents):
        same_server = agent.tmux_server is None or server_pid in ("", str(agent.tmux_server.pid))
        if pane_id and agent.pane_id == pane_id and same_server and agent.state is not AgentState.RECYCLED:
            return agent
    return None
