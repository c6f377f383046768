"""Which panes to look at, and when: bursts of events are combined, constant ones thinned out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

GATHER_SECONDS = 0.05
"""A client writes several files for one event, and draws: one look covers them all."""

TOGETHER_SECONDS = 0.1
"""Panes that are due this soon after another are looked at with it."""

GROWING_APART_SECONDS = 1.0
"""Between the last look at any pane and one at transcripts that grow in mid-turn: in a fleet at work some always do."""

SHARE = 3
"""Rest after a look, as a multiple of its duration: a storm of events costs at most a quarter of a core."""

LONGEST_REST_SECONDS = 0.25
LONGEST_BRIEF_REST_SECONDS = 0.05
"""Urgent panes wait at most this long of the rest."""


class Urgency(Enum):
    """How soon a pane is looked at again, in seconds since the last look at it, by kind of event."""

    NOW = 0.0
    WRITTEN = 0.4
    """Its files: the end of a turn writes several lines."""
    GROWING = 2.0
    """Its transcript in mid-turn, when another file will report the turn's end."""
    DRAWN = 1.0
    """Its screen: a spinner turns all the time."""


@dataclass
class DirtyPanes:
    """Pane ids with the time from which they are to be looked at, on one steady clock."""

    _due: dict[str, float] = field(default_factory=dict)
    _looked: dict[str, float] = field(default_factory=dict)
    _urgent: set[str] = field(default_factory=set)
    _ended: float = -1e9
    _rest_until: float = 0
    _brief_until: float = 0

    def news(self, panes: Iterable[str], pace: Urgency, now: float) -> None:
        """An event in these panes."""
        earliest = now + GATHER_SECONDS
        if pace is Urgency.GROWING:
            earliest = max(earliest, self._ended + GROWING_APART_SECONDS)
        for pane in panes:
            self.at(pane, max(earliest, self._looked.get(pane, -1e9) + pace.value))
            if pace is Urgency.NOW:
                self._urgent.add(pane)

    def at(self, pane: str, moment: float) -> None:
        """Look at it by then."""
        self._due[pane] = min(moment, self._due.get(pane, moment))

    def take(self, now: float) -> frozenset[str]:
        """The panes to look at now; empty when none is due."""
        wait = self.wait_seconds(now)
        if wait is None or wait > 0:
            return frozenset()
        taken = frozenset(pane for pane, moment in self._due.items() if moment <= now + TOGETHER_SECONDS)
        for pane in taken:
            del self._due[pane]
        self._urgent -= taken
        return taken

    def looked(self, panes: Iterable[str], began: float, ended: float) -> None:
        """They were looked at: events before ``began`` are settled."""
        for pane in panes:
            self._looked[pane] = began
        self._ended = ended
        self._rest_until = ended + min((ended - began) * SHARE, LONGEST_REST_SECONDS)
        self._brief_until = min(self._rest_until, ended + LONGEST_BRIEF_REST_SECONDS)

    def wait_seconds(self, now: float) -> float | None:
        """Until the next look; None when nothing is due at all."""
        if not self._due:
            return None
        usual = max(0.0, min(self._due.values()) - now, self._rest_until - now)
        urgent = min((self._due[pane] for pane in self._urgent if pane in self._due), default=None)
        return usual if urgent is None else min(usual, max(0.0, urgent - now, self._brief_until - now))

    def forget(self, panes: Iterable[str]) -> None:
        """Stop tracking these panes."""
        for pane in panes:
            self._due.pop(pane, None)
            self._urgent.discard(pane)
            self._looked.pop(pane, None)

    def clear(self) -> None:
        """Forget all pending looks."""
        self._due.clear()
        self._urgent.clear()
