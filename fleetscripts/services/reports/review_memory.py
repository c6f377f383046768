"""The heartbeat's items about tools that the kernel killed for memory while their client lives on: once."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.core.reports.review import Item
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.services.reports.review_agents import about


def memory_reviewed(fleet: Fleet, settings: Settings, *, notes: bool) -> list[Item]:
    """One item for each agent with tools killed since the last report; ``notes``: record them as reported."""
    news = [agent for agent in fleet.agents if agent.notices.tools_killed and not agent.finished]
    if news and notes:
        Store(settings.state_file).update(lambda current: _noted(current, news))
    return [_item(agent) for agent in news]


def _noted(fleet: Fleet, told: Sequence[Agent]) -> Fleet:
    for agent in told:
        known = fleet.current(agent)
        if known is not None:
            left = max(0, known.notices.tools_killed - agent.notices.tools_killed)
            fleet = fleet.change(known, notices={"tools_killed": left})
    return fleet


def _item(agent: Agent) -> Item:
    count = agent.notices.tools_killed
    what = f"the kernel ended {count} of its processes for memory; its client continues"
    calls = (f'{spelled("send-agent")} {shell_word(agent.handle)} "how to use less memory"',)
    return Item("memory", agent.window, what, calls, agent.pane_id, about(agent))
