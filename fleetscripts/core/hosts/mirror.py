"""The local copy of a host's agent records. Older data never replaces newer data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from typing import Any

from fleetscripts.core.hosts.wire import MOST_RECORDS, Event, Message, Snapshot, Top
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class MirroredRecord:
    """A record, whose ages were right at ``at`` on our steady clock. ``epoch``: of the link that brought it."""

    record: Mapping[str, Any]
    at: float = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Mirror:
    """The host's records by agent. ``epoch`` counts the links to it, ``number`` the messages of the latest one;
    ``agents``: all that exist, with or without a record here yet."""

    epoch: int = 0
    number: int = 0
    agents: frozenset[str] = frozenset()
    records: Mapping[str, MirroredRecord] = field(default_factory=dict)
    fleet: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    top_at: float = 0

    @property
    def whole(self) -> bool:
        """Whether the latest link has sent everything."""
        return bool(self.epoch) and all(
            (kept := self.records.get(agent)) is not None and kept.epoch == self.epoch for agent in self.agents
        )


def taken(mirror: Mirror, message: Message, at: float) -> Mirror:
    """The mirror after a message that came at ``at`` on our steady clock. A new epoch begins with a snapshot."""
    if isinstance(message, Snapshot):
        if (message.epoch, message.number) <= (mirror.epoch, mirror.number):
            return mirror
        agents = frozenset(message.agents)
        records = {agent: kept for agent, kept in mirror.records.items() if agent in agents}
        return replace(mirror, epoch=message.epoch, number=message.number, agents=agents, records=records)
    if not isinstance(message, Event | Top) or message.epoch != mirror.epoch or message.number <= mirror.number:
        return mirror
    after = replace(mirror, number=message.number)
    held_at = at - max(message.age, 0)
    if isinstance(message, Top):
        return replace(after, fleet=message.fleet or {}, facts=message.facts or {}, top_at=held_at)
    others = {agent: kept for agent, kept in mirror.records.items() if agent != message.agent}
    if message.record is None:
        return replace(after, agents=mirror.agents - {message.agent}, records=others)
    if message.agent not in mirror.agents and len(mirror.agents) >= MOST_RECORDS:
        return after
    kept = MirroredRecord(message.record, held_at, message.epoch)
    return replace(after, agents=mirror.agents | {message.agent}, records={**others, message.agent: kept})


def mirror_members(mirror: Mirror) -> dict[str, Any]:
    """The mirror as a JSON object."""
    records = {key: {"record": kept.record, "at": kept.at, "epoch": kept.epoch} for key, kept in mirror.records.items()}
    plain = {one.name: getattr(mirror, one.name) for one in fields(mirror)}
    return {**plain, "agents": sorted(mirror.agents), "records": records}


def mirror_from(members: Mapping[str, Any]) -> Mirror:
    """The mirror in such an object; an empty one for an empty object."""
    records = {key: MirroredRecord(**kept) for key, kept in members.get("records", {}).items()}
    known = {one.name: members[one.name] for one in fields(Mirror) if one.name in members}
    return Mirror(**{**known, "agents": frozenset(members.get("agents", ())), "records": records})
