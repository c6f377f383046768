"""Waits until something needs the orchestrator: signalled by the loop through the state file, or found by polling."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.system.file_events import FileEvents
from fleetscripts.config import Settings
from fleetscripts.core.planning.attention import summary
from fleetscripts.core.planning.event_dedup import handed_out, may_wait, nothing_new, to_hand_out, told
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import Action, ActionKind
from fleetscripts.services.loop.cycle import run_cycle
from fleetscripts.services.loop.events_elsewhere import EventsElsewhere
from fleetscripts.services.single_instance.single_instance import loop_runs

ASK_AFTER_LOOP_SECONDS = 20.0
"""How often to check that a loop still runs."""

Decided = list[tuple[Agent, Action]]


class OtherEvents(Protocol):
    """Another source of events, checked whenever the state file has changed."""

    def found(self) -> bool:
        """Whether there is something."""


@dataclass
class EventWait:
    """One wait on one fleet. ``again``: also what was handed out before. ``say`` writes a line for a person."""

    settings: Settings
    again: bool
    say: Callable[[str], None]
    supervises: bool = True
    elsewhere: EventsElsewhere | None = None
    beside: OtherEvents | None = None
    _looped: bool = True
    _next_ask: float = 0
    _next_look: float = 0
    _seen: set[tuple[object, ...]] = field(default_factory=set)
    _standing: Decided = field(default_factory=list)

    def events(self, timeout_seconds: float) -> Decided:
        """What needs the orchestrator, as soon as there is something; [] at the timeout, or if ``elsewhere`` or
        ``beside`` has something. Call ``taken`` after printing it."""
        began = time.monotonic()
        with _changes(self.settings.state_file, self.elsewhere) as changed:
            while True:
                changed.clear()
                if found := self._look():
                    return found
                others = (self.elsewhere, self.beside)
                if any(other.found() for other in others if other is not None):
                    return []
                left = began + timeout_seconds - time.monotonic()
                if left <= 0:
                    return []
                changed.wait(min(left, self._pause_seconds()))

    def taken(self, events: Decided) -> None:
        """Record that these were handed out. After printing: a crash in between hands them out again."""
        if self.supervises:
            now = time.time()
            self._store.update(lambda current: _given(current, events, now))

    def timeout_line(self, waited_seconds: float) -> str:
        """The line for a timeout."""
        return nothing_new(self._standing, self._summary(self._store.read()), waited_seconds)

    def _summary(self, fleet: Fleet) -> str:
        """All agents, on this machine and on the others that are waited for."""
        return summary([*fleet.agents, *(self.elsewhere.agents() if self.elsewhere is not None else ())])

    @property
    def _store(self) -> Store:
        return Store(self.settings.state_file)

    def _look(self) -> Decided:
        """Decisions to hand out now."""
        fleet = self._store.read()
        if all(agent.finished for agent in fleet.agents):
            if self.elsewhere is not None and self.elsewhere.at_work():
                return []
            raise Refusal(f"nothing to wait for: {self._summary(fleet)}")
        panes = self._worth_a_look(fleet)
        if panes is not None and not panes:
            return []
        cycle = run_cycle(self._store, self.settings, time.time(), panes=panes)
        agents = {(agent.window, agent.pane_id): agent for agent, _ in cycle.looks}
        decided = [(agents[a.window, a.pane_id], a) for a in cycle.actions if a.kind is ActionKind.DECISION]
        looked_at = {agent.key for agent in agents.values()}
        patience = 0 if self.again else self.settings.orchestrator_unseen_seconds
        self._standing = [pair for pair in self._standing if pair[0].key not in looked_at] + decided
        return to_hand_out(decided, time.time(), patience)

    def _worth_a_look(self, fleet: Fleet) -> set[str] | None:
        """Panes of agents with news from the loop; None for all of them if no loop runs."""
        now = time.monotonic()
        if now >= self._next_ask:
            self._ask_after_loop(now)
        if not self._looped:
            if now < self._next_look:
                return set()
            self._next_look = now + self.settings.poll_interval_seconds
            return None
        waiting = [agent for agent in fleet.agents if may_wait(agent) and not agent.finished]
        stale = [agent for agent in waiting if agent.notices.handed_out and self._is_old(agent)]
        new = [agent for agent in waiting if told(agent) not in self._seen]
        self._seen.update(told(agent) for agent in new)
        return {agent.pane_id for agent in (*new, *stale)}

    def _is_old(self, agent: Agent) -> bool:
        return not 0 <= time.time() - agent.notices.handed_out_at < self.settings.orchestrator_unseen_seconds

    def _ask_after_loop(self, now: float) -> None:
        looped = loop_runs(self.settings)
        if self._looped and not looped:
            self.say(
                f"no loop runs, so nothing is recovered ({spelled('run-loop')} --window starts one): looking every "
                f"{self.settings.poll_interval_seconds:g} s"
            )
        self._looped = looped
        self._next_ask = now + ASK_AFTER_LOOP_SECONDS

    def _pause_seconds(self) -> float:
        """Until there is something to do without an event."""
        until = self._next_ask if self._looped else min(self._next_ask, self._next_look)
        return max(0.05, until - time.monotonic())


def _given(fleet: Fleet, found: Decided, now: float) -> Fleet:
    return replace(handed_out(fleet, found, now), orchestrator_seen_at=now, orchestrator_called_at=0)


@contextmanager
def _changes(path: Path, elsewhere: EventsElsewhere | None) -> Iterator[threading.Event]:
    """An event that is set whenever the file is written, or another machine has news."""
    changed = threading.Event()
    target = os.path.realpath(path)
    targets = {target} | (elsewhere.files if elsewhere is not None else set())
    events = FileEvents(lambda paths: changed.set() if targets & paths else None)
    try:
        events.watch([Path(target).parent, *(elsewhere.folders if elsewhere is not None else [])])
        yield changed
    finally:
        events.close()
