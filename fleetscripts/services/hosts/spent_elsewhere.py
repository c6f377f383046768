"""Spending of agents on other machines, as last reported: it counts whether or not they are reachable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.config import Settings
from fleetscripts.core.spending.caps import DAY, FLEET
from fleetscripts.core.spending.ledger import NOTHING, Spend, money
from fleetscripts.core.spending.tokens import tokens_of
from fleetscripts.errors import FleetError
from fleetscripts.services.hosts.mirrors import read_mirror
from fleetscripts.services.hosts.registry import hosts

SPENT = "spent"
"""In a host's facts: ``{"day": TODAY THERE, "today": [TOKENS, USD], "fleet": [TOKENS, USD]}``."""


def spent_elsewhere(settings: Settings, today: str) -> Mapping[str, Spend]:
    """By subject of a cap over all machines: ``day TODAY`` and ``fleet``."""
    found = {f"{DAY} {today}": NOTHING, FLEET: NOTHING}
    for host in hosts(settings):
        try:
            said = read_mirror(host.files(settings))[0].facts.get(SPENT)
        except FleetError:
            continue
        if isinstance(said, Mapping):
            if said.get("day") == today:
                found[f"{DAY} {today}"] = found[f"{DAY} {today}"].plus(_spent(said.get("today")))
            found[FLEET] = found[FLEET].plus(_spent(said.get("fleet")))
    return found


def spent_members(spent: Spend) -> list[Any]:
    """In the form that is sent."""
    return [list(spent.tokens), spent.usd]


def _spent(value: Any) -> Spend:
    try:
        tokens, usd = value
        return Spend(tokens_of(tokens), money(usd))
    except (TypeError, ValueError):
        return NOTHING
