"""The run loop: waits for events, polls, performs recoveries, notifies. Takes no decisions."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from fleetscripts.adapters.records.log_file import LogFile
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.config import Settings
from fleetscripts.core.planning.action_row import Lane
from fleetscripts.core.planning.actions import BY_NAME
from fleetscripts.core.planning.attention import summary
from fleetscripts.core.planning.policy import to_perform
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.spending.caps import caps_of
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.perform import failure, perform
from fleetscripts.services.actions.rescue_tally import tell_rescued
from fleetscripts.services.context import load_fleet
from fleetscripts.services.loop.cycle import Cycle, run_cycle
from fleetscripts.services.loop.dispatching import DispatchThread
from fleetscripts.services.loop.for_hosts import ForHosts
from fleetscripts.services.loop.jobs import Jobs
from fleetscripts.services.loop.link_keeping import LinkKeeper
from fleetscripts.services.loop.loop_schedule import EventSchedule, Look, LoopSchedule, PollSchedule, stamp
from fleetscripts.services.loop.loop_watch import JobEnded, News, SignalReceived
from fleetscripts.services.loop.notify_decisions import attend

REST_SECONDS = 1.0
"""The same action is not repeated on one agent within this time, however soon its pane is looked at again."""

REPAIR_SECONDS = 1.0
"""Between two tries to read a damaged state file or configuration."""

MISSING_SECONDS = 10.0
"""How long the state file may be missing before the loop ends: some editors move it aside while they write it."""


@dataclass
class Loop:
    """One loop on one state file. The caller holds its exclusive lock. ``poll``: without events."""

    environ: Mapping[str, str]
    options: Mapping[str, object]
    log: LogFile
    poll: bool = False
    dispatch: bool = False
    """Start agents for the tasks that wait in files."""
    stop: threading.Event = field(default_factory=threading.Event)
    queue: SimpleQueue[News] = field(default_factory=SimpleQueue)
    _said: dict[object, str] = field(default_factory=dict)
    _rests: dict[object, tuple[str, float]] = field(default_factory=dict)
    _loaded: tuple[object, Settings, Fleet] | None = None
    _broken_at: float | None = None
    _has_run: bool = False

    def __post_init__(self) -> None:
        self.jobs = Jobs(lambda key: self.queue.put(JobEnded(key)))

    def end(self) -> None:
        """Finish what is under way, then end; may be called from a signal handler."""
        self.stop.set()
        self.queue.put(SignalReceived())

    def run(self) -> None:
        """Look whenever there is reason to, until the fleet is stopped or the loop is ended."""
        rhythm: LoopSchedule = PollSchedule(self.queue) if self.poll else EventSchedule(self.queue, self._tell)
        dispatching = self._dispatching()
        links = LinkKeeper(self.environ, self.options, self._say)
        links.begin()
        for_hosts = ForHosts(self.environ, self.options, self._say, self._keep)
        for_hosts.begin()
        try:
            if self.dispatch:
                dispatching.begin()
            while not self.stop.is_set():
                try:
                    settings, fleet = self._load()
                except FleetError as error:
                    self._wait_for_repair(error)
                    continue
                self._is_well("state")
                if not fleet.active:
                    self.log.write("the fleet is stopped (active is false): the loop ends")
                    return
                look = rhythm.due(settings, fleet)
                if look is not None:
                    self._outlive(rhythm, settings, look)
                elif not self.stop.is_set():
                    rhythm.wait(settings)
        finally:
            rhythm.close()
            dispatching.close()
            links.close()
            for_hosts.close()
            self.jobs.close()

    def run_once(self, within_seconds: float | None = None, starts_server: bool = True) -> int:
        """One cycle with its recoveries; with ``dispatch`` then one round of that. Actions of the cycle not started
        ``within_seconds`` are dropped: returns how many."""
        try:
            settings, fleet = load_fleet(self.environ, self.options)
            if fleet.active:
                self.cycle(settings, Look(), starts_server=starts_server)
                left = self.jobs.wait(within_seconds)
                if self.dispatch:
                    self._dispatching().once()
                return left
            return 0
        finally:
            self.jobs.close()

    def _dispatching(self) -> DispatchThread:
        return DispatchThread(self.environ, self.options, self._say, self._keep)

    def _load(self) -> tuple[Settings, Fleet]:
        """Settings and fleet, read again if the state file has changed."""
        if self._loaded is not None and self._loaded[0] == stamp(self._loaded[1].state_file):
            return self._loaded[1], self._loaded[2]
        settings = self._loaded[1] if self._loaded is not None else load_fleet(self.environ, self.options)[0]
        before = stamp(settings.state_file)
        settings, fleet = load_fleet(self.environ, self.options)
        caps_of(settings.extra)
        self._loaded = (before, settings, fleet)
        return settings, fleet

    def _wait_for_repair(self, error: FleetError) -> None:
        """Somebody may be in the middle of editing it; a loop that finds it damaged at its start ends."""
        now = time.monotonic()
        self._broken_at = now if self._broken_at is None else self._broken_at
        if not self._has_run or (isinstance(error, StateMissing) and now - self._broken_at > MISSING_SECONDS):
            raise error
        self._say("state", f"{error}; trying again")
        self.stop.wait(REPAIR_SECONDS)

    def _is_well(self, about: str) -> None:
        """Its reported trouble is over: the same trouble is news again."""
        self._said.pop(about, None)
        self._broken_at = None
        self._has_run = True

    def _outlive(self, rhythm: LoopSchedule, settings: Settings, look: Look) -> None:
        """A cycle whose failure (a lost tmux server, a full disk) is reported and retried later."""
        began = time.monotonic()
        if look.missed:
            self._say("clock", look.missed)
        if look.panes is None:
            self._loaded = None
        try:
            cycle, moved = self.cycle(settings, look, rhythm)
            rhythm.looked(settings, look, cycle, moved, began)
        except FleetError as error:
            self._say("cycle", f"this cycle failed: {error}")
        except Exception as error:  # noqa: BLE001 - one odd record or file must not end the watch over the others
            kept = self._keep(error)
            self._say("cycle", f"this cycle failed: unexpected {type(error).__name__}: {error} (details in {kept})")
        else:
            for about in ("cycle", "clock") if look.panes is None else ():
                self._is_well(about)
            return
        rhythm.looked(settings, look, None, False, began)

    def cycle(
        self, settings: Settings, look: Look, rhythm: LoopSchedule | None = None, starts_server: bool = True
    ) -> tuple[Cycle, bool]:
        """One look and its actions; returns whether anything changed."""
        finished = self.jobs.settle()
        store = Store(settings.state_file)
        cycle = run_cycle(store, settings, time.time(), panes=look.panes, slept=bool(look.missed))
        agents = {(agent.window, agent.pane_id): agent for agent, _ in cycle.looks}
        decisions: list[tuple[Agent, Action]] = []
        started = False
        for proposed in cycle.actions:
            agent = agents[proposed.window, proposed.pane_id]
            if proposed.kind is ActionKind.DECISION:
                decisions.append((agent, proposed))
            action = to_perform(agent, proposed, time.time())
            if action is None:
                continue
            if BY_NAME[action.action].performer and not self.jobs.busy(agent.key):
                rest = self._rest_seconds(agent, action)
                if rest <= 0:
                    self._start(Case(agent, action, cycle.fleet, settings, self.environ, starts_server))
                    started = True
                elif rhythm is not None:
                    rhythm.retry(agent.pane_id, rest)
        told = attend(cycle.fleet, decisions, settings, self.environ, time.time(), cycle.ceiling)
        told += tell_rescued(settings, self.environ, cycle.fleet, self.jobs.any_in(Lane.RESCUE))
        for line in told:
            self.log.write(sanitize(line))
        self._report(cycle)
        return cycle, cycle.moved or finished or started or bool(told)

    def _start(self, case: Case) -> None:
        self.jobs.start(case.agent.key, lambda: self._perform(case), BY_NAME[case.action.action].lane)

    def _rest_seconds(self, agent: Agent, action: Action) -> float:
        """How long to pause: what was refused or failed waits for the next poll, the rest a moment."""
        name, until = self._rests.get(agent.key, ("", 0.0))
        return until - time.monotonic() if name == action.action else 0.0

    def _perform(self, case: Case) -> None:
        """One recovery, with its result in the log; then it pauses a while."""
        name, window = case.action.action, case.agent.window
        try:
            outcome = perform(case)
        except FleetError as error:
            outcome = failure(error)
        except Exception as error:  # noqa: BLE001 - one agent's trouble must not end the watch over the others
            outcome = f"{failure(error)} (details in {self._keep(error)})"
        if not outcome.startswith("refused"):
            self._said.pop(case.agent.key, None)
        in_vain = outcome.startswith(("refused", "failed"))
        rest = case.settings.poll_interval_seconds if in_vain else REST_SECONDS
        self._rests[case.agent.key] = (name, time.monotonic() + rest)
        self._say(case.agent.key, f"{window}: {name} ({case.action.reason}): {outcome}")

    def _keep(self, error: Exception) -> Path:
        """Store the traceback where those of commands are stored."""
        kept = LogFile(self.log.path.with_name("errors.log"))
        kept.write("run-loop\n" + "".join(traceback.format_exception(error)))
        return kept.path

    def _report(self, cycle: Cycle) -> None:
        """One line on the whole fleet, if it has changed. Agents that wait do not count as running."""
        self._say("fleet", f"fleet: {summary(cycle.fleet.agents)}")

    def _tell(self, line: str) -> None:
        self.log.write(sanitize(line))

    def _say(self, about: object, line: str) -> None:
        """Log a line unless it is the last one on the same subject: a lasting refusal is logged once."""
        if self._said.get(about) != line:
            self._said[about] = line
            self.log.write(sanitize(line))
