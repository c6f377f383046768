"""Converts instants to ages: two machines' clocks may be minutes apart, but a second is as long on both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from fleetscripts.fleet import PARTS, Agent, Fleet
from fleetscripts.record import typed

LONGEST_SECONDS = 10 * 366 * 86_400.0
"""An instant further off, past or future, is invalid."""

CLOCKS = frozenset({"wakes_at"})
"""Fields that hold instants without the type."""


def _instants(kind: type) -> frozenset[str]:
    named = {field.name for field in fields(kind)}
    return frozenset(typed(kind, "UnixSeconds")) | CLOCKS & named


AGENT = {"": _instants(Agent), **{name: _instants(part) for name, part in PARTS.items()}}
"""Fields of a record that hold instants, by part."""
FLEET = {"": _instants(Fleet)}
ENTRIES = frozenset({"at", "resets_at"})
"""Instants in a host's account data."""


def to_ages(members: Mapping[str, Any], now: float, instants: Mapping[str, frozenset[str]] = AGENT) -> dict[str, Any]:
    """A record (or ``FLEET``: the top of a state file) with seconds since each instant, negative for a future one; null
    for none."""
    return _changed(members, instants, lambda instant: now - instant if instant else None)


def from_ages(members: Mapping[str, Any], now: float, instants: Mapping[str, frozenset[str]] = AGENT) -> dict[str, Any]:
    """The record with instants on the clock that shows ``now``; what is no number is left as it is."""
    return _changed(members, instants, lambda age: now - age if abs(age) <= LONGEST_SECONDS else None)


def entries_to_ages(listed: object, now: float) -> list[dict[str, Any]]:
    """A host's account data with ages; null for no instant."""
    return [_part(one, ENTRIES, lambda instant: now - instant if instant else None) for one in _objects(listed)]


def entries_from_ages(listed: object, now: float) -> list[dict[str, Any]]:
    """The same with instants on the clock that shows ``now``."""
    return [
        _part(one, ENTRIES, lambda age: now - age if abs(age) <= LONGEST_SECONDS else None) for one in _objects(listed)
    ]


def _objects(listed: object) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _changed(
    members: Mapping[str, Any], instants: Mapping[str, frozenset[str]], change: Callable[[float], float | None]
) -> dict[str, Any]:
    changed = _part(members, instants[""], change)
    for name, names in instants.items():
        if name and isinstance(changed.get(name), dict):
            changed[name] = _part(changed[name], names, change)
    return changed


def _part(members: Mapping[str, Any], names: frozenset[str], change: Callable[[float], float | None]) -> dict[str, Any]:
    return {name: change(value) if name in names and _is_number(value) else value for name, value in members.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
