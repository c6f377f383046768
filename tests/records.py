"""Agents' records for tests, each field named alone, as in ``agent_with("s:1", nudges=3)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from fleetscripts.fleet import FLAT, Agent


def _fields_of_parts() -> Mapping[str, tuple[str, str]]:
    """Name → part and field, of each field that one part alone has."""
    blank = Agent("")
    parts = {field.name: getattr(blank, field.name) for field in fields(Agent)}
    named = [(one.name, part) for part, value in parts.items() if is_dataclass(value) for one in fields(value)]
    times = Counter(name for name, _ in named)
    return {name: (part, name) for name, part in named if times[name] == 1 and name not in parts}


NEW = _fields_of_parts()
"""Fields named without their part, besides those that have ever stood so in a record."""


def agent_with(window: str = "s:1", **fields: Any) -> Agent:
    """A record with these fields; one of a part is named as it stood in the record before there were parts."""
    return changed(Agent(window), **fields)


def changed(agent: Agent, **fields: Any) -> Agent:
    """The record with these fields, named in the same way."""
    parts: dict[str, Any] = {}
    for name, value in fields.items():
        if name in FLAT or name in NEW:
            part, field = FLAT.get(name) or NEW[name]
            parts.setdefault(part, {})[field] = value
        else:
            parts[name] = value
    return agent.changed(**parts)


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the state file with the fields of its parts beside the others, under the same names."""
    found = dict(record)
    for name, (part, field) in FLAT.items():
        members = record.get(part)
        if isinstance(members, Mapping) and (field in members or name == part):
            found[name] = members.get(field, "")
    return found
