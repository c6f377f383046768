"""The mechanical layer: look, recover, tell; then wait. It decides nothing, and costs nothing while nothing happens."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.adapters.log_file import LogFile
from fleetscripts.adapters.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.attention import summary
from fleetscripts.core.pace import next_interval
from fleetscripts.core.visible import visible
from fleetscripts.errors import FleetError, Refused
from fleetscripts.fleet import Agent
from fleetscripts.models import Action, ActionKind
from fleetscripts.services.attendance import attend
from fleetscripts.services.completion import verify_agent
from fleetscripts.services.context import load_fleet
from fleetscripts.services.cycle import Cycle, run_cycle
from fleetscripts.services.follow_on import settle_task
from fleetscripts.services.github_pause import tell_to_wait
from fleetscripts.services.jobs import Jobs
from fleetscripts.services.recovery import PERFORMERS, Case

PERFORM: Mapping[str, Callable[[Case], str]] = {
    **PERFORMERS,
    "verify": verify_agent,
    "github_wait": tell_to_wait,
    "settle_task": settle_task,
}
GLANCE_SECONDS = 0.5
"""Between two glances at the state file while waiting: a stop or a new agent ends the wait."""


@dataclass
class Loop:
    """One loop on one state file. The caller holds the lock that makes it the only one."""

    environ: Mapping[str, str]
    options: Mapping[str, object]
    log: LogFile
    stop: threading.Event = field(default_factory=threading.Event)
    jobs: Jobs = field(default_factory=Jobs)
    interval_seconds: float = 0
    _said: dict[object, str] = field(default_factory=dict)
    _written: object = None

    def run(self) -> None:
        """Cycle until the fleet is stopped or somebody ends us."""
        try:
            while not self.stop.is_set():
                settings, fleet = load_fleet(self.environ, self.options)
                if not fleet.active:
                    self.log.write("the fleet is stopped (active is false): the loop ends")
                    return
                moved = self._outlive(settings)
                base, longest = settings.poll_interval_seconds, settings.poll_idle_max_seconds
                self.interval_seconds = next_interval(self.interval_seconds, moved, base, longest)
                self._wait(settings.state_file)
        finally:
            self.jobs.close()

    def run_once(self) -> None:
        """One cycle, and all that it leads to."""
        try:
            settings, fleet = load_fleet(self.environ, self.options)
            if fleet.active:
                self.cycle(settings)
                self.jobs.wait()
        finally:
            self.jobs.close()

    def _outlive(self, settings: Settings) -> bool:
        """A cycle whose failure (a tmux server that went, a full disk) is told, and tried again later."""
        try:
            return self.cycle(settings)
        except FleetError as error:
            self._say("cycle", f"this cycle failed: {error}")
            return False

    def cycle(self, settings: Settings) -> bool:
        """One look and what follows from it; whether anything moved."""
        finished = self.jobs.settle()
        cycle = run_cycle(Store(settings.state_file), settings, time.time())
        agents = {(agent.window, agent.pane_id): agent for agent, _ in cycle.looks}
        decisions: list[tuple[Agent, Action]] = []
        started = False
        for action in cycle.actions:
            agent = agents[action.window, action.pane_id]
            if action.kind is ActionKind.DECISION:
                decisions.append((agent, action))
            elif action.action != "park" and not self.jobs.busy(agent.key):
                self._start(Case(agent, action, cycle.fleet, settings, self.environ))
                started = True
        told = attend(cycle.fleet, decisions, settings, self.environ, time.time())
        for line in told:
            self.log.write(visible(line))
        self._report(cycle)
        self._written = _stamp(settings.state_file)
        return cycle.moved or finished or started or bool(told)

    def _start(self, case: Case) -> None:
        self.jobs.start(case.agent.key, lambda: self._perform(case))

    def _perform(self, case: Case) -> None:
        """One recovery, from its intent to its outcome, both in the journal."""
        name, window = case.action.action, case.agent.window
        about = {"action": name, "pane_id": case.agent.pane_id}
        case.journal.write("recovery-intended", window=window, why=case.action.reason, **about)
        try:
            outcome = PERFORM[name](case)
        except FleetError as error:
            outcome = f"{'refused' if isinstance(error, Refused) else 'failed'}: {error}"
        except Exception as error:  # noqa: BLE001 - one agent's trouble must not end the watch over the others
            outcome = f"failed: unexpected {type(error).__name__}: {error} (details in {self._keep(error)})"
        case.journal.write("recovery-ended", window=window, why=case.action.reason, outcome=outcome, **about)
        if not outcome.startswith("refused"):
            self._said.pop(case.agent.key, None)
        self._say(case.agent.key, f"{window}: {name} ({case.action.reason}): {outcome}")

    def _keep(self, error: Exception) -> Path:
        """The traceback, where errors of commands are kept too."""
        kept = LogFile(self.log.path.with_name("errors.log"))
        kept.write("run-loop\n" + "".join(traceback.format_exception(error)))
        return kept.path

    def _report(self, cycle: Cycle) -> None:
        """One line on the whole fleet, when it is not the one before. Who waits is not counted as running."""
        self._say("fleet", f"fleet: {summary(cycle.fleet.agents)}")

    def _say(self, about: object, line: str) -> None:
        """Into the log, unless this is what was said last about the same: a refusal that stands is told once."""
        if self._said.get(about) != line:
            self._said[about] = line
            self.log.write(visible(line))

    def _wait(self, state_file: Path) -> None:
        """Until the interval is over, a job has ended, or somebody else wrote the state file."""
        deadline = time.monotonic() + self.interval_seconds
        while not self.stop.wait(GLANCE_SECONDS) and time.monotonic() < deadline:
            if self.jobs.settle() or _stamp(state_file) != self._written:
                return


def _stamp(path: Path) -> object:
    """What tells one version of the file from another."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino
