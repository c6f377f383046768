"""The fleet as it is recorded, beside what its panes run at this moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.reports.status_text import shown_state
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneFacts
from fleetscripts.services.observe.agent_pane import agent_in_pane, pane_of
from fleetscripts.services.single_instance.single_instance import loop_runs

SECRET = ("discord_webhook",)
LOOK_EVERY_SECONDS = 30.0
"""A look younger than this is not recorded again."""


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One record and its pane, None when that is gone."""

    agent: Agent
    pane: PaneFacts | None

    @property
    def command(self) -> str:
        """What the pane runs; ``missing`` or ``dead`` when it runs nothing."""
        if self.pane is None:
            return "missing"
        return "dead" if self.pane.dead else self.pane.command


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """All of it at one time."""

    fleet: Fleet
    agents: tuple[AgentStatus, ...]
    loop: PaneFacts | None
    at: float
    watched: bool = False
    """Whether a loop runs, in a window or anywhere."""

    def counts(self) -> Counter[str]:
        """Agents by the state that is shown; those that wait are counted apart from those that run."""
        return Counter(shown_state(status.agent) for status in self.agents)


def fleet_status(settings: Settings, fleet: Fleet, now: float) -> FleetStatus:
    """The fleet beside one listing of all panes."""
    tmux = Tmux(settings.tmux_socket)
    panes = tmux.panes()
    server = tmux.server() if panes else None
    agents = tuple(AgentStatus(agent, pane_of(agent, panes, server)) for agent in fleet.agents)
    loop = Agent(fleet.loop_window or "", pane_id=fleet.loop_pane_id, tmux_server=fleet.loop_tmux_server)
    here = pane_of(loop, panes, server)
    return FleetStatus(fleet, agents, here, now, watched=here is not None or loop_runs(settings))


def record_look(store: Store, fleet: Fleet, environ: Mapping[str, str], now: float) -> None:
    """Remember that the orchestrator, or the person, has looked; an agent looking at the fleet does not count."""
    if agent_in_pane(fleet, environ) is None and not 0 <= now - fleet.orchestrator_seen_at < LOOK_EVERY_SECONDS:
        store.update(lambda current: replace(current, orchestrator_seen_at=now, orchestrator_called_at=0))


def as_json(status: FleetStatus) -> dict[str, Any]:
    """The state file's object without its secrets, each agent with ``pane_cmd`` and what its pane is now."""
    members = {name: value for name, value in status.fleet.to_json().items() if name not in SECRET}
    shown = zip(members["agents"], status.agents, strict=True)
    members["agents"] = [
        agent | {"pane_cmd": known.command, "pane_present": known.pane is not None} for agent, known in shown
    ]
    return members | {"loop_running": status.watched, "now": status.at}
