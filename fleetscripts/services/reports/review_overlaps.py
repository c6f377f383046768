"""The heartbeat's items about conflicting branches: once, for the agent that can still change course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscripts.adapters.records.host_files import HostFiles
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.overlaps.overlap import Pair, ReportedConflicts, conflicts_of
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.core.reports.review import Item
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.services.reports.review_agents import about
from fleetscripts.services.worktrees.overlaps import Branch, compare

if TYPE_CHECKING:
    from fleetscripts.services.hosts.mirrors import HostView

TOLD = "overlaps_told.json"
"""Of a host: which conflicts of its agents with agents elsewhere were reported here, by the agents' keys."""


def overlaps_reviewed(fleet: Fleet, settings: Settings, *, notes: bool, views: Sequence[HostView] = ()) -> list[Item]:
    """One item for each agent with an unreported conflict; ``notes``: record it as reported. ``views``: hosts whose
    agents' pushed branches are compared with those here and between hosts; each host reports its own pairs itself."""
    machines = {agent.key: view.name for view in views for agent in view.agents_from_here()}
    try:
        compared = compare(settings, fleet, pushed=_pushed(settings, fleet, views))
    except FleetError as error:
        return [Item("overlaps", "", f"the agents' branches could not be compared: {error}")]
    told = conflicts_of(compared.agents, _between(compared.pairs, machines))
    before = {view.name: _files(settings, view).read(TOLD) for view in views}
    news = [
        (agent, told[agent.key])
        for agent in compared.agents
        if agent.key in told and set(told[agent.key].conflicts) - _told_before(agent, machines, before)
    ]
    if news and notes:
        said = {agent.key: conflicts for agent, conflicts in news}
        Store(settings.state_file).update(lambda current: _noted(current, said))
        for view in views:
            new = {key: list(one.conflicts) for key, one in said.items() if machines.get(key) == view.name}
            kept = {key: entries for key, entries in before[view.name].items() if key in machines}
            if new:
                _files(settings, view).write(TOLD, kept | new)
    return [_item(agent, said, elsewhere=agent.key in machines) for agent, said in news]


def _files(settings: Settings, view: HostView) -> HostFiles:
    return HostFiles.of(settings.fleet_home, view.name)


def _pushed(settings: Settings, fleet: Fleet, views: Sequence[HostView]) -> Mapping[str, Sequence[Branch]]:
    """Loaded only where there are hosts."""
    if not views:
        return {}
    from fleetscripts.services.links.pushed_elsewhere import pushed_elsewhere

    return pushed_elsewhere(settings, fleet, views, {}, Path.cwd()).branches


def _between(pairs: Iterable[Pair], machines: Mapping[str, str]) -> list[Pair]:
    """Without pairs of one other machine."""
    return [pair for pair in pairs if machines.get(pair.one) is None or machines[pair.one] != machines.get(pair.other)]


def _told_before(agent: Agent, machines: Mapping[str, str], before: Mapping[str, Mapping[str, object]]) -> set[object]:
    if agent.key not in machines:
        return set(agent.notices.overlaps_told)
    entries = before[machines[agent.key]].get(agent.key)
    return set(entries) if isinstance(entries, list) else set()


def _noted(fleet: Fleet, told: Mapping[str, ReportedConflicts]) -> Fleet:
    for agent in fleet.agents:
        if agent.key in told:
            fleet = fleet.change(agent, notices={"overlaps_told": told[agent.key].conflicts})
    return fleet


def _item(agent: Agent, said: ReportedConflicts, *, elsewhere: bool) -> Item:
    calls = (spelled("overlaps"), f'{spelled("send-agent")} {shell_word(agent.handle)} "who gives way, and how"')
    pane_id = "" if elsewhere else agent.pane_id
    return Item("overlap", agent.window, f"its branch conflicts {said.summary}", calls, pane_id, about(agent))
