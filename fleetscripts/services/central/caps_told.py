"""Reached caps over all machines, as the central sent them: no turn is started here meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.config import Settings
from fleetscripts.core.spending.caps import DAY, SHARED, Cap, CapUse
from fleetscripts.errors import UsageProblem
from fleetscripts.services.central.central import central_folder, has_central


def keep_caps(settings: Settings, listed: object) -> None:
    """Store those reached now; an empty list releases all. UsageProblem for an invalid cap."""
    if not isinstance(listed, list) or any(_standing(one) is None for one in listed):
        raise UsageProblem("caps: expected a list of caps that are reached")
    write_json(_file(settings), listed)


def caps_told(settings: Settings, today: str) -> tuple[CapUse, ...]:
    """The central's latest. A new day lifts the day's, with or without news."""
    if not has_central(settings):
        return ()
    said = read_json(_file(settings))
    found = (_standing(one) for one in (said if isinstance(said, list) else ()))
    return tuple(one for one in found if one and (one.scope != DAY or one.key.startswith(f"{DAY} {today} ")))


def cap_members(standings: Iterable[CapUse]) -> list[dict[str, object]]:
    """In the form that is sent."""
    return [
        {"scope": one.scope, "amount": one.cap.amount, "money": one.cap.money, "key": one.key, "used": one.used}
        for one in standings
    ]


def caps_kept(settings: Settings) -> list[str]:
    """Keys of those stored here, for the central to compare."""
    said = read_json(_file(settings))
    return sorted(str(one.get("key")) for one in (said if isinstance(said, list) else ()) if isinstance(one, dict))


def _standing(one: Any) -> CapUse | None:
    if not isinstance(one, Mapping) or one.get("scope") not in SHARED or not isinstance(one.get("key"), str):
        return None
    amount, used = one.get("amount"), one.get("used")
    if not isinstance(amount, int | float) or not isinstance(used, int | float) or not used >= amount > 0:
        return None
    return CapUse(Cap(one["scope"], amount, one.get("money") is True), one["key"], used, central=True)


def _file(settings: Settings) -> Path:
    return central_folder(settings) / "caps.json"
