"""The heartbeat's items about conflicting branches: once, for the agent that can still change course."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscripts.adapters.records.host_files import HostFiles
from fleetscripts.adapters.records.json_files import read_json
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

REPORTED = "overlaps_reported.json"
"""Of a host: which conflicts of its agents with agents elsewhere were reported here, by the agents' keys."""

REMOTE_SECONDS = 20.0
"""A report does not wait longer for a remote: without it, it tells of what is here."""


def overlaps_reviewed(fleet: Fleet, settings: Settings, *, notes: bool, views: Sequence[HostView] = ()) -> list[Item]:
    """One item for each agent with an unreported conflict; ``notes``: record it as reported. ``views``: hosts; the
    pushed branches of those that are heard are compared with the branches here, and between hosts. What conflicts on
    one host, that host reports."""
    heard = [view for view in views if view.reachable]
    machines = {agent.key: view.name for view in heard for agent in view.agents_from_here()}
    try:
        compared = compare(settings, fleet, pushed=_pushed(settings, fleet, heard))
    except FleetError as error:
        return [Item("overlaps", "", f"the agents' branches could not be compared: {error}")]
    found = conflicts_of(compared.agents, _between(compared.pairs, machines))
    before = _reported(settings, fleet, heard)
    news = [
        (agent, found[agent.key])
        for agent in compared.agents
        if agent.key in found and set(found[agent.key].conflicts) - before.get(agent.key, set())
    ]
    if news and notes:
        keys = {agent.key for agent in compared.agents}
        now = {agent.key: _reported_now(said, before.get(agent.key, set()), keys) for agent, said in news}
        Store(settings.state_file).update(lambda current: _noted(current, now))
        for view in heard:
            own = [key for key, name in machines.items() if name == view.name]
            if now.keys() & set(own):
                _files(settings, view).write(REPORTED, {key: now.get(key, sorted(before.get(key, ()))) for key in own})
    return [_item(agent, said, elsewhere=agent.key in machines) for agent, said in news]


def _pushed(settings: Settings, fleet: Fleet, views: Sequence[HostView]) -> Mapping[str, Sequence[Branch]]:
    """Its module is imported only if there are hosts."""
    if not views:
        return {}
    from fleetscripts.services.links.pushed_elsewhere import pushed_elsewhere

    return pushed_elsewhere(settings, fleet, views, {}, Path.cwd(), REMOTE_SECONDS).branches


def _between(pairs: Iterable[Pair], machines: Mapping[str, str]) -> list[Pair]:
    """Without pairs of one other machine."""
    return [pair for pair in pairs if machines.get(pair.one) is None or machines[pair.one] != machines.get(pair.other)]


def _files(settings: Settings, view: HostView) -> HostFiles:
    return HostFiles.of(settings.fleet_home, view.name)


def _reported(settings: Settings, fleet: Fleet, views: Iterable[HostView]) -> dict[str, set[str]]:
    """What was reported before, by agent's key; nothing where that cannot be read."""
    found = {agent.key: set(agent.notices.overlaps_told) for agent in fleet.agents}
    for view in views:
        kept = read_json(_files(settings, view).folder / REPORTED)
        for key, entries in kept.items() if isinstance(kept, dict) else ():
            found[key] = {str(entry) for entry in entries} if isinstance(entries, list) else set()
    return found


def _reported_now(said: ReportedConflicts, before: Iterable[str], compared: Collection[str]) -> list[str]:
    """With what was reported of agents that were not compared this time: their host may not be heard."""
    kept = [entry for entry in before if entry.partition(" ")[0] not in compared]
    return [*said.conflicts, *sorted(kept)]


def _noted(fleet: Fleet, now: Mapping[str, Sequence[str]]) -> Fleet:
    for agent in fleet.agents:
        if agent.key in now:
            fleet = fleet.change(agent, notices={"overlaps_told": tuple(now[agent.key])})
    return fleet


def _item(agent: Agent, said: ReportedConflicts, *, elsewhere: bool) -> Item:
    calls = (spelled("overlaps"), f'{spelled("send-agent")} {shell_word(agent.handle)} "who gives way, and how"')
    pane_id = "" if elsewhere else agent.pane_id
    return Item("overlap", agent.window, f"its branch conflicts {said.summary}", calls, pane_id, about(agent))
