"""Spending and the caps on it, for reports."""

from __future__ import annotations

from fleetscripts.config import Settings
from fleetscripts.core.spending.caps import DAY, CapUse, totals
from fleetscripts.core.spending.ceiling import Ceiling
from fleetscripts.core.spending.ledger import NOTHING, Spend
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.services.spending.ceiling import ceiling_over
from fleetscripts.services.spending.spending import ledger_of


@dataclass(frozen=True, slots=True)
class SpentReport:
    """``today``: by all agents. ``standings``: every cap, once."""

    ceiling: Ceiling
    today: Spend
    standings: tuple[CapUse, ...]
    by_agent: dict[str, Spend]


def spent_report(settings: Settings, fleet: Fleet, now: float) -> SpentReport:
    """As recorded: usage since the last look is not included."""
    ceiling = ceiling_over(settings, fleet, now, ledger_of(settings))
    spent = totals(ceiling.ledger, {agent.id for agent in fleet.agents}, ceiling.today)
    agents: list[Agent | None] = [None, *(agent for agent in fleet.agents if not agent.finished)]
    standings = {one.key: one for agent in agents for one in ceiling.of(agent)}
    by_agent = {agent.id: spent[f"agent {agent.id}"] for agent in fleet.agents if f"agent {agent.id}" in spent}
    return SpentReport(ceiling, spent.get(f"{DAY} {ceiling.today}", NOTHING), tuple(standings.values()), by_agent)
