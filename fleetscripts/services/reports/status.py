"""The recorded fleet with what its panes run now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.pane_reading import PanesAndServer
from fleetscripts.config import Settings
from fleetscripts.core.reports.status_columns import StatusLine
from fleetscripts.core.reports.status_columns import members as members_of
from fleetscripts.core.reports.status_text import UNREACHABLE, age, in_order, next_step, shown_state
from fleetscripts.core.spending.ledger import NOTHING as NO_TOKENS
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneFacts
from fleetscripts.services.observe.agent_pane import agent_in_pane, pane_of
from fleetscripts.services.observe.panes_begun import begin_listing_of
from fleetscripts.services.single_instance.single_instance import loop_runs

if TYPE_CHECKING:
    from fleetscripts.services.hosts.mirrors import HostView
    from fleetscripts.services.spending.report import SpentReport

LINKED = "linked"
"""In place of a pane's command, for an agent on another, reachable host."""

SECRET = ("discord_webhook",)
LOOK_EVERY_SECONDS = 30.0
"""A look within this time of the last is not recorded again."""


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One record and its pane, None if that is gone. ``elsewhere``: for an agent on another host, the link's state:
    ``linked``, or ``unreachable 4m``."""

    agent: Agent
    pane: PaneFacts | None
    elsewhere: str = ""

    @property
    def command(self) -> str:
        """What the pane runs; ``missing`` or ``dead`` if it runs nothing. For an agent on another host, the link's
        state."""
        if self.elsewhere:
            return self.elsewhere
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
    spent: SpentReport | None = None

    hosts: tuple[HostView, ...] = ()
    """The other machines, as they are known here."""

    def on_hosts(self) -> tuple[AgentStatus, ...]:
        """Their agents, by their names from here."""
        return tuple(
            AgentStatus(agent, None, LINKED if view.reachable else silence(view))
            for view in self.hosts
            for agent in view.agents_from_here()
        )

    def next_step(self) -> str:
        """The suggested next command; empty if there is nothing to do."""
        lacking = next((view.name for view in self.hosts if lacks_loop(view)), "")
        here = in_order(self.fleet.agents)
        return next_step(here, [known.agent for known in self.on_hosts()], self.watched, self.fleet.active, lacking)

    def lines(self) -> list[StatusLine]:
        """The agents, with all that their columns show."""
        spent = self.spent.by_agent if self.spent is not None else {}
        return [
            StatusLine(known.agent, self.at, known.command, spent=spent.get(known.agent.id, NO_TOKENS))
            for known in self.agents
        ]

    def counts(self) -> Counter[str]:
        """Agents on all machines by the state that is shown; waiting ones are counted separately from running ones."""
        here = [known for known in self.agents if not known.elsewhere]
        return Counter(shown_state(known.agent) for known in (*here, *self.on_hosts()))


def silence(view: HostView) -> str:
    """``unreachable 4m``: since when a host has been silent."""
    return f"{UNREACHABLE} {age(view.since_seconds)}" if view.since_seconds >= 0 else UNREACHABLE


def fleet_status(
    settings: Settings,
    fleet: Fleet,
    now: float,
    *,
    here: bool = False,
    listing: Callable[[], PanesAndServer] | None = None,
) -> FleetStatus:
    """The fleet with one listing of its panes, and other hosts' mirrors; ``here``: without those. ``listing``: of tmux,
    that has begun."""
    listing = listing or begin_listing_of(fleet, settings)
    hosts = () if here else other_machines(settings, now)
    spent = _spent(settings, fleet, now, hosts)
    panes, server = listing()
    agents = tuple(AgentStatus(agent, pane_of(agent, panes, server)) for agent in fleet.agents)
    loop = Agent(fleet.loop_window or "", pane_id=fleet.loop_pane_id, tmux_server=fleet.loop_tmux_server)
    window = pane_of(loop, panes, server)
    watched = window is not None or loop_runs(settings)
    return FleetStatus(fleet, agents, window, now, watched, spent, hosts)


def other_machines(settings: Settings, now: float) -> tuple[HostView, ...]:
    """By name; their reader is imported only if there are any."""
    if not (settings.fleet_home / "hosts").is_dir():
        return ()
    from fleetscripts.services.hosts.mirrors import mirrors

    return mirrors(settings, now)


def lacks_loop(view: HostView) -> bool:
    """Whether no loop runs there although agents are at work; of a host that is not heard nothing follows."""
    at_work = view.fleet.active and any(not agent.finished for agent in view.fleet.agents)
    return view.reachable and at_work and view.facts.get("loop_runs") is False


def _spent(settings: Settings, fleet: Fleet, now: float, hosts: Sequence[HostView]) -> SpentReport | None:
    """Spending, today's on all machines; imported as late, for there is none before there are agents or caps."""
    if not (fleet.agents or hosts or settings.extra.get("caps")):
        return None
    from fleetscripts.services.spending.report import spent_report

    found = spent_report(settings, fleet, now)
    if not hosts:
        return found
    from fleetscripts.core.spending.caps import DAY
    from fleetscripts.services.hosts.spent_elsewhere import spent_elsewhere

    day = found.ceiling.today
    return replace(found, today=found.today.plus(spent_elsewhere(settings, day)[f"{DAY} {day}"]))


def record_look(store: Store, fleet: Fleet, environ: Mapping[str, str], now: float) -> None:
    """Record that the orchestrator, or the person, has looked; an agent looking at the fleet does not count."""
    if agent_in_pane(fleet, environ) is None and not 0 <= now - fleet.orchestrator_seen_at < LOOK_EVERY_SECONDS:
        store.update(lambda current: replace(current, orchestrator_seen_at=now, orchestrator_called_at=0))


def as_json(status: FleetStatus) -> dict[str, Any]:
    """The state file's object without its secrets, each agent with what ``Column.member`` names and whether its pane is
    there."""
    members = {name: value for name, value in status.fleet.to_json().items() if name not in SECRET}
    shown = zip(members["agents"], status.agents, status.lines(), strict=True)
    members["agents"] = [
        agent | members_of(line) | {"pane_present": known.pane is not None} for agent, known, line in shown
    ]
    if status.spent is not None:
        from fleetscripts.core.reports.spent_text import standing_members

        members["caps"] = [standing_members(one) for one in status.spent.standings]
    hosts = {"hosts": [_host(view, status.at) for view in status.hosts]} if status.hosts else {}
    return members | {"loop_running": status.watched, "now": status.at} | hosts


def _host(view: HostView, now: float) -> dict[str, Any]:
    known = view.agents_from_here()
    listed = replace(view.fleet, agents=known).to_json()["agents"]
    agents = [
        members | members_of(StatusLine(agent, now)) | {"host": view.name}
        for members, agent in zip(listed, known, strict=True)
    ]
    return {
        "name": view.name,
        "reachable": view.reachable,
        "heard_seconds_ago": view.since_seconds,
        "problem": view.problem,
        "drained": view.drained,
        "loop_running": view.facts.get("loop_runs") is True if view.reachable else None,
        "agents": agents,
    }
