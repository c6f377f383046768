"""Schedules polls: on events and computed deadlines, or (``--poll``) at fixed intervals."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from fleetscripts.config import Settings
from fleetscripts.core.planning.backoff import next_interval
from fleetscripts.core.planning.debounce import Urgency
from fleetscripts.core.planning.due import next_due
from fleetscripts.core.planning.policy import PolicyCase
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneState
from fleetscripts.services.loop.cycle import Cycle, limits_of
from fleetscripts.services.loop.event_routing import by_files
from fleetscripts.services.loop.loop_clock import LoopClock
from fleetscripts.services.loop.loop_watch import JobEnded, LoopWatch, News

GLANCE_SECONDS = 0.5
"""Between two checks of the state file if its changes are not reported: a stop or a new agent ends the wait."""

REST_AFTER_EVERYTHING_SECONDS = 1.0
"""A server that keeps appearing and disappearing must not cause endless full looks."""

LOOK_AGAIN_SECONDS = 1.0
"""Output in the very second of a look may be missed by it; an unclear state may soon be clear."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at now. ``panes`` None: everything. ``missed``: why time cannot be trusted, empty if it can; it
    stays set until a full look has succeeded."""

    panes: frozenset[str] | None = None
    missed: str = ""


class LoopSchedule(Protocol):
    """A strategy for when to look."""

    def due(self, settings: Settings, fleet: Fleet) -> Look | None:
        """What to look at now, None for nothing."""
        ...

    def looked(self, settings: Settings, look: Look, cycle: Cycle | None, moved: bool, began: float) -> None:
        """A look is over; ``cycle`` None: it failed. ``began``: on the steady clock."""
        ...

    def wait(self, settings: Settings) -> None:
        """Wait until there may be something to look at."""
        ...

    def retry(self, pane_id: str, seconds: float) -> None:
        """Look at it again then: its action has to be delayed that long."""
        ...

    def close(self) -> None: ...


class PollSchedule:
    """Everything, at the adaptive interval, and when a job ended or somebody wrote the state file."""

    def __init__(self, queue: SimpleQueue[News]) -> None:
        self.interval_seconds = 0.0
        self._queue = queue
        self._clock = LoopClock()
        self._missed = ""
        self._next = 0.0
        self._written: object = None

    def due(self, settings: Settings, fleet: Fleet) -> Look | None:
        missed = self._clock.missed()
        self._missed = missed or self._missed
        wanted = missed or time.monotonic() >= self._next or stamp(settings.state_file) != self._written
        return Look(missed=self._missed) if wanted else None

    def looked(self, settings: Settings, look: Look, cycle: Cycle | None, moved: bool, began: float) -> None:
        base, longest = settings.poll_interval_seconds, settings.poll_idle_max_seconds
        self.interval_seconds = next_interval(self.interval_seconds, moved, base, longest)
        self._next = time.monotonic() + self.interval_seconds
        self._missed = self._missed if cycle is None else ""
        self._written = stamp(settings.state_file)

    def wait(self, settings: Settings) -> None:
        seconds = max(0.0, min(GLANCE_SECONDS, self._next - time.monotonic()))
        self._clock.waits(seconds)
        try:
            if isinstance(self._queue.get(timeout=seconds), JobEnded):
                self._next = 0.0
        except Empty:
            return

    def retry(self, pane_id: str, seconds: float) -> None:
        self._next = min(self._next, time.monotonic() + seconds)

    def close(self) -> None:
        """Nothing to close."""


class EventSchedule:
    """Panes with events, at once; everything at the adaptive interval, in case events are missed."""

    def __init__(self, queue: SimpleQueue[News], say: Callable[[str], None]) -> None:
        self.interval_seconds = 0.0
        self._watch = LoopWatch(queue, say)
        self._clock = LoopClock()
        self._missed = ""
        self._next_everything = 0.0
        self._not_before = 0.0
        self._known: Mapping[str, Agent] = {}

    def due(self, settings: Settings, fleet: Fleet) -> Look | None:
        missed, now = self._clock.missed(), time.monotonic()
        self._missed = missed or self._missed
        if self._watch.fleet_changed:
            self._watch.fleet_changed = False
            self._watch.agenda.news(self._changed_by_others(fleet), Urgency.NOW, now)
            if any(not agent.pane_id for agent in fleet.agents):
                self._watch.everything = True
        wanted = self._watch.everything and now >= self._not_before
        if missed or wanted or now >= self._next_everything:
            self._watch.everything = False
            self._watch.agenda.clear()
            return Look(missed=self._missed)
        panes = self._watch.agenda.take(now)
        return Look(panes, self._missed) if panes else None

    def looked(self, settings: Settings, look: Look, cycle: Cycle | None, moved: bool, began: float) -> None:
        now = time.monotonic()
        if look.panes is None:
            base, longest = settings.poll_interval_seconds, settings.poll_idle_max_seconds
            self.interval_seconds = next_interval(self.interval_seconds, moved, base, longest)
            self._next_everything = now + self.interval_seconds
            self._not_before = now + REST_AFTER_EVERYTHING_SECONDS
        if cycle is None:
            for pane in look.panes or ():
                self._watch.agenda.at(pane, now + LOOK_AGAIN_SECONDS)
            if look.panes is None:
                self._next_everything = now + settings.poll_interval_seconds
            return
        self._missed = "" if look.panes is None else self._missed
        self._known = {agent.key: agent for agent in cycle.fleet.agents}
        panes = frozenset(cycle.observed) if look.panes is None else look.panes
        self._watch.agenda.looked(panes, began, now)
        self._watch.learn(settings, cycle.fleet, cycle.observed)
        self._watch.listen(time.time(), anew=look.panes is None)
        self._enter_dues(settings, cycle)

    def wait(self, settings: Settings) -> None:
        now = time.monotonic()
        until = max(self._next_everything, self._not_before) - now
        if self._watch.everything:
            until = self._not_before - now
        due = self._watch.agenda.wait_seconds(now)
        seconds = max(0.0, until if due is None else min(until, due))
        self._clock.waits(seconds)
        self._watch.drain(seconds)

    def retry(self, pane_id: str, seconds: float) -> None:
        self._watch.agenda.at(pane_id, time.monotonic() + seconds)

    def close(self) -> None:
        self._watch.close()

    def _changed_by_others(self, fleet: Fleet) -> list[str]:
        """Panes of new agents, or whose records somebody else changed."""
        panes = []
        for agent in fleet.agents:
            known = self._known.get(agent.key)
            if known is not agent and (known is None or not _was_only_seen(known, agent)):
                panes.append(agent.pane_id)
        self._known = {agent.key: agent for agent in fleet.agents}
        return [pane for pane in panes if pane]

    def _enter_dues(self, settings: Settings, cycle: Cycle) -> None:
        """The instants at which time alone may change what is to be done."""
        steady, wall, limits = time.monotonic(), time.time(), limits_of(settings)
        for agent, seen in cycle.looks:
            due = next_due(PolicyCase(agent, seen.classification, limits, cycle.at))
            if due is not None and agent.pane_id:
                self._watch.agenda.at(agent.pane_id, steady + due - wall)
            if self._is_unsettled(cycle, agent, wall):
                self._watch.agenda.at(agent.pane_id, steady + LOOK_AGAIN_SECONDS)

    def _is_unsettled(self, cycle: Cycle, agent: Agent, wall: float) -> bool:
        """Whether the look itself needs a second one, even if no event follows."""
        observation = cycle.observed.get(agent.pane_id)
        if observation is None or by_files(observation.classification):
            return False
        unknown = (
            agent.seen.pane_state == PaneState.UNKNOWN and wall - agent.seen.unknown_since < 10 * LOOK_AGAIN_SECONDS
        )
        return unknown or observation.frame.facts.activity >= int(observation.frame.at)


def _was_only_seen(known: Agent, agent: Agent) -> bool:
    """Whether only looks and notices were written since, which need no new look."""
    return known == replace(
        agent,
        seen=known.seen,
        notices=known.notices,
        last_output_hash=known.last_output_hash,
        last_seen_at=known.last_seen_at,
        idle_since=known.idle_since,
    )


def stamp(path: Path) -> object:
    """The file's version; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
