"""Shares account usage and caps over all machines: read from each host, sent to the others."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.adapters.system.steady_clock import steady_seconds
from fleetscripts.config import Settings
from fleetscripts.core.hosts.ages import entries_from_ages
from fleetscripts.core.hosts.mirror import Mirror
from fleetscripts.core.spending.caps import SHARED as SHARED_SCOPES
from fleetscripts.core.spending.caps import CapUse, caps_of
from fleetscripts.fleet import Fleet
from fleetscripts.services.accounts.figures_shared import (
    ELSEWHERE,
    figure_from,
    figure_members,
    learn_figure,
    says_as_much,
)
from fleetscripts.services.central.caps_told import cap_members
from fleetscripts.services.hosts.registry import Host
from fleetscripts.services.links.change_feed import FIGURES
from fleetscripts.services.links.facts import CAPS
from fleetscripts.services.spending.ceiling import ceiling_over
from fleetscripts.usage import LOGIN


def learn_accounts(settings: Settings, host: Host, mirror: Mirror) -> None:
    """Record what the host itself observed of its accounts; what it had from others comes from them."""
    for one in _figures(mirror):
        if one.get("window") and ELSEWHERE not in str(one.get("source", "")):
            learn_figure(settings, one, host.name)


def reached_caps(settings: Settings, fleet: Fleet, now: float) -> list[CapUse]:
    """Caps over all agents that are reached, those of all machines together."""
    if not any(cap.scope in SHARED_SCOPES for cap in caps_of(settings.extra)):
        return []
    return [one for one in ceiling_over(settings, fleet, now).of(None) if one.reached]


def limits_news(
    settings: Settings, host: Host, mirror: Mirror, reached: list[CapUse], told: Collection[object]
) -> dict[str, Any]:
    """News on caps and accounts for the host, with instants; empty if there is none. ``told``: keys of figures already
    sent to it."""
    members: dict[str, Any] = {}
    if CAPS in mirror.facts and sorted(one.key for one in reached) != mirror.facts[CAPS]:
        members["caps"] = cap_members(reached)
    if news := [one for one in _news_for(settings, host, mirror) if mark_of(host, one) not in told]:
        members["figures"] = news
    return members


def mark_of(host: Host, figure: Mapping[str, Any]) -> object:
    """A figure's key."""
    return (host.name, *(figure[name] for name in ("account", "window", "at", "used_percent")))


def _news_for(settings: Settings, host: Host, mirror: Mirror) -> list[dict[str, Any]]:
    """Windows of the host's accounts that it does not know as they are known here."""
    there: dict[str, dict[str, Mapping[str, Any]]] = {}
    for one in _figures(mirror):
        there.setdefault(str(one.get("account")), {})[str(one.get("window", ""))] = one
    known, now = AccountLedger(settings.fleet_home).read() if there else {}, time.time()
    return [
        figure_members(account, window, figure)
        for account, windows in there.items()
        for window, figure in known.get(account, {}).items()
        if window != LOGIN
        and figure.until > now
        and not figure.source.endswith(f"{ELSEWHERE}{host.name}")
        and not says_as_much(figure_from(windows.get(window, {})), figure)
    ]


def _figures(mirror: Mirror) -> list[dict[str, Any]]:
    return entries_from_ages(mirror.facts.get(FIGURES), time.time() - (steady_seconds() - mirror.top_at))
