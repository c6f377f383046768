"""What a host sends of its state: the records changed since they were last sent, only the newest of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fleetscripts.core.hosts.ages import FLEET, entries_to_ages, to_ages
from fleetscripts.core.hosts.wire import MOST_EVENT, Event, Message, Snapshot, Top
from fleetscripts.fleet import AGENT_SEED_FIELDS, Fleet
from fleetscripts.schema import write

SECRET = ("discord_webhook",)
FIGURES = "figures"
"""In the facts: account usage, the only entry with instants."""

QUIET = ("last_seen_at", "last_poll_at")
"""Fields that change at each look and are not worth a message by themselves."""

NAMING = ("id", "window", "state", "worktree", "branch", "agent")

MOST_FIELD = 4_000
"""Longest text of a field in a record that exceeds the message size."""


@dataclass
class ChangeFeed:
    """Numbers its messages in order. ``take`` builds the next one from the current state."""

    epoch: int
    _number: int = 0
    _known: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _top: Mapping[str, Any] = field(default_factory=dict)
    _facts: Mapping[str, Any] = field(default_factory=dict)
    _changed: dict[str, None] = field(default_factory=dict)
    _top_changed: bool = False
    _first: deque[str] = field(default_factory=deque)
    _read_at: float = 0
    _wall: float = 0

    @property
    def facts(self) -> Mapping[str, Any]:
        """The machine's latest facts."""
        return self._facts

    def begin(self) -> None:
        """Send everything anew, beginning with the list of agents."""
        self._first = deque(["snapshot"])
        self._changed = dict.fromkeys(self._known)
        self._top_changed = True

    def learn(self, fleet: Fleet, steady: float, wall: float) -> None:
        """The state file as read at this moment of both clocks."""
        records: dict[str, Mapping[str, Any]] = {agent.key: write(agent, AGENT_SEED_FIELDS) for agent in fleet.agents}
        for key, record in records.items():
            if _loud(record) != _loud(self._known.get(key, {})):
                self._changed[key] = None
        self._changed |= dict.fromkeys(self._known.keys() - records.keys())
        top = {name: value for name, value in replace(fleet, agents=()).to_json().items() if name not in SECRET}
        top.pop("agents", None)
        self._top_changed = self._top_changed or _loud(top) != _loud(self._top)
        self._known, self._top, self._read_at, self._wall = records, top, steady, wall

    def note(self, facts: Mapping[str, Any]) -> None:
        """Facts of the machine."""
        self._top_changed = self._top_changed or facts != self._facts
        self._facts = facts

    def take(self, steady: float) -> Message | None:
        """The next message; None if everything was sent."""
        age = max(0.0, steady - self._read_at)
        if self._first:
            self._first.popleft()
            return Snapshot(self.epoch, self._next(), tuple(self._known))
        if self._top_changed:
            self._top_changed = False
            top = _fitting(to_ages(self._top, self._wall, FLEET))
            return Top(self.epoch, self._next(), top, self._facts_in_ages(), age)
        if not self._changed:
            return None
        key = next(iter(self._changed))
        del self._changed[key]
        record = self._known.get(key)
        aged = None if record is None else _fitting(to_ages(record, self._wall))
        return Event(self.epoch, self._next(), key, aged, age)

    def _facts_in_ages(self) -> Mapping[str, Any]:
        """As of when the state file was read, like the rest of the message."""
        listed = self._facts.get(FIGURES)
        return {**self._facts, FIGURES: entries_to_ages(listed, self._wall)} if listed else self._facts

    def _next(self) -> int:
        self._number += 1
        return self._number


def _loud(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in QUIET}


def _fitting(members: Mapping[str, Any]) -> dict[str, Any]:
    """The object; what is too long for one message is cut or left out."""
    if len(str(members)) < MOST_EVENT // 8:
        return dict(members)
    cut = {name: value[:MOST_FIELD] if isinstance(value, str) else value for name, value in members.items()}
    short = {name: value for name, value in cut.items() if len(str(value)) <= 4 * MOST_FIELD}
    return short if len(str(short)) < MOST_EVENT // 8 else {name: short[name] for name in NAMING if name in short}
