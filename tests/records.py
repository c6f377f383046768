"""Agents' records for tests, each field named alone, as in ``agent_with("s:1", nudges=3)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.fleet import FLAT, Agent

NEW = {
    **{name: ("attempts", name) for name in ("obstacle", "obstacle_since", "obstacle_at")},
    "wakes": ("attempts", "wakes"),
    "spends_until": ("seen", "spends_until"),
    "wakes_at": ("seen", "wakes_at"),
    "denied": ("seen", "denied"),
    "out_of_memory": ("seen", "out_of_memory"),
    "memory_restarts": ("attempts", "memory_restarts"),
}
"""Fields that have never stood anywhere but in their part."""


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
