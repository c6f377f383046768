"""Account usage from several machines: accounts of one name are one account, with common windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError
from fleetscripts.usage import LOGIN, SAME_WINDOW_SECONDS, Figure

ELSEWHERE = " on "
"""In the source of a figure from another machine."""

WORTH_PERCENT = 5.0
"""A figure is sent to others only if it differs by this much."""


def figures_here(settings: Settings) -> list[dict[str, object]]:
    """All windows of the accounts listed here, with instants on this machine's clock. Refused logins stay each
    machine's own."""
    try:
        names = {account.name for account in read_accounts(settings.fleet_home)}
    except FleetError:
        return []
    known = AccountLedger(settings.fleet_home).read() if names else {}
    found: list[dict[str, object]] = [{"account": name} for name in sorted(names)]
    for name in sorted(names & known.keys()):
        found += [figure_members(name, window, one) for window, one in sorted(known[name].items()) if window != LOGIN]
    return found


def figure_members(account: str, window: str, one: Figure) -> dict[str, object]:
    """In the form that is sent."""
    return {
        "account": account, "window": window, "used_percent": one.used_percent, "wall": one.wall,
        "source": one.source, "at": one.at, "resets_at": one.resets_at,
    }  # fmt: skip


def figure_from(members: Mapping[str, Any]) -> Figure | None:
    """None for an invalid entry, or one without a window."""
    numbers = [members.get("used_percent"), members.get("at"), members.get("resets_at") or 0]
    if not members.get("window") or not all(_is_number(one) for one in numbers):
        return None
    used, at, resets_at = (float(one) for one in numbers)  # type: ignore[arg-type]
    return Figure(used, resets_at, at, str(members.get("source", "")), members.get("wall") is True)


def learn_figure(settings: Settings, members: Mapping[str, Any], place: str) -> None:
    """Record a figure from another machine, unless it is no news. Also for accounts not listed here: they may be
    another host's."""
    account, window, figure = str(members.get("account", "")), str(members.get("window", "")), figure_from(members)
    ledger = AccountLedger(settings.fleet_home)
    if figure is None or window == LOGIN or says_as_much(ledger.read().get(account, {}).get(window), figure):
        return
    source = figure.source if ELSEWHERE in figure.source else f"{figure.source[:20]}{ELSEWHERE}{place}"
    if figure.wall:
        ledger.note_wall(account, window, figure.resets_at or None, figure.at, source)
    else:
        ledger.note_usage(account, window, figure.used_percent, figure.resets_at or None, figure.at, source)


def says_as_much(known: Figure | None, figure: Figure) -> bool:
    """Whether the figure is no news: same window, limit or not, about as much used, or older."""
    if known is None or known.until <= figure.at:
        return False
    if known.wall != figure.wall:
        return known.at > figure.at
    same = abs(known.until - figure.until) < SAME_WINDOW_SECONDS
    return same and (abs(known.used_percent - figure.used_percent) < WORTH_PERCENT or known.at >= figure.at)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
