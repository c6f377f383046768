"""The heartbeat's items about conflicting branches: once, for the agent that can still change course."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.overlaps.overlap import ReportedConflicts, conflicts_of
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.core.reports.review import Item
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.services.reports.review_agents import about
from fleetscripts.services.worktrees.overlaps import compare


def overlaps_reviewed(fleet: Fleet, settings: Settings, *, notes: bool) -> list[Item]:
    """One item for each agent with an unreported conflict; ``notes``: record it as reported."""
    try:
        compared = compare(settings, fleet)
    except FleetError as error:
        return [Item("overlaps", "", f"the agents' branches could not be compared: {error}")]
    told = conflicts_of(compared.agents, compared.pairs)
    news = [
        (agent, told[agent.key])
        for agent in compared.agents
        if agent.key in told and set(told[agent.key].conflicts) - set(agent.notices.overlaps_told)
    ]
    if news and notes:
        Store(settings.state_file).update(lambda current: _noted(current, {agent.key: said for agent, said in news}))
    return [_item(agent, said) for agent, said in news]


def _noted(fleet: Fleet, told: Mapping[str, ReportedConflicts]) -> Fleet:
    for agent in fleet.agents:
        if agent.key in told:
            fleet = fleet.change(agent, notices={"overlaps_told": told[agent.key].conflicts})
    return fleet


def _item(agent: Agent, said: ReportedConflicts) -> Item:
    calls = (spelled("overlaps"), f'{spelled("send-agent")} {shell_word(agent.handle)} "who gives way, and how"')
    return Item("overlap", agent.window, f"its branch conflicts {said.summary}", calls, agent.pane_id, about(agent))
