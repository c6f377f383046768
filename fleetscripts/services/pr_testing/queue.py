"""The machine's queue of pull requests to test, and recovery when a testing process dies."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.head import head_commit
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.queue_file import Members, QueueFile
from fleetscripts.adapters.system.process_group import end_left_behind
from fleetscripts.adapters.system.processes import read_processes
from fleetscripts.config import Settings
from fleetscripts.core.pr_testing.queue import Entry, Lease, Queue, pending_checks
from fleetscripts.core.pr_testing.queue_json import parsed, written
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, NotYet, Refusal
from fleetscripts.fleet import Agent
from fleetscripts.pull_request import PullKey, PullRequest
from fleetscripts.services.pr_testing.settings import PrTestSettings, test_settings
from fleetscripts.services.pr_testing.turn import LeaseOwner
from fleetscripts.services.pulls.pull_reading import github
from fleetscripts.services.verification.pr_test_gate import queue_folder

ASKING_SECONDS = 15.0
"""How long to wait for GitHub: the order is a help, not a gate."""

RUN_MARK = "FLEET_TEST_RUN"
"""In the environment of everything that a test command starts: its run."""


@dataclass(frozen=True, slots=True)
class PrTestQueue:
    """The queue as one call works on it."""

    settings: Settings
    environ: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return queue_folder(self.settings, self.environ)

    @property
    def about(self) -> PrTestSettings:
        return test_settings(self.settings)

    def read(self) -> Queue:
        """The queue now."""
        return parsed(QueueFile(self.folder).read())

    def change(self, step: Callable[[Queue], Queue]) -> Queue:
        """Apply a change under the lock; returns the queue as written."""

        def apply(members: Members) -> tuple[Mapping[str, Any], Queue]:
            after = step(parsed(members))
            return members | written(after), after

        return QueueFile(self.folder).update(apply)

    def add(self, entry: Entry) -> Queue:
        """Add a pull request, or change a waiting one; GitHub is asked how many checks are pending."""
        pending = self.ask([entry])

        def put(found: Queue) -> Queue:
            queue = self.reclaimed(found)
            known = queue.entry(str(entry.key))
            if known is None:
                return queue.with_entry(entry).counted(pending)
            if (lease := queue.lease_of(str(entry.key))) is not None:
                raise Refusal(f"{entry.key} is under test now, by {lease.who}")
            wanted = tuple(dict.fromkeys((*known.verify, *entry.verify)))
            again = replace(entry, added_at=known.added_at, attempts=known.attempts, verify=wanted)
            return queue.with_entry(replace(again, ask_again=known.ask_again)).counted(pending)

        return self.change(put)

    def take(self, who: LeaseOwner, wanted: str = "") -> tuple[Entry, Lease]:
        """Take the next entry for this caller alone. A caller that already holds one gets it again. ``wanted``: this
        pull request, else the one with the fewest pending checks.

        NotYet while as many others test as may at once; Refusal if nothing waits."""
        before = self.read()
        _yield_to_others(before, who, self.about.parallel)
        pending = self.ask(before.entries)
        taken: list[Lease] = []

        def lease_one(queue: Queue) -> Queue:
            queue = self.reclaimed(queue.counted(pending))
            _yield_to_others(queue, who, self.about.parallel)
            held = next((lease for lease in queue.leases if lease.held_by(who.pid, who.start_ticks)), None)
            if held is not None and wanted in ("", held.pull):
                taken.append(held)
                return queue
            if held is not None:
                raise NotYet(f"{held.pull} is under test {_since(held)}: report on it first")
            if (other := queue.lease_of(wanted)) is not None:
                raise NotYet(f"{wanted} is under test {_since(other)}")
            waiting = queue.waiting()
            entry = next((entry for entry in waiting if wanted in ("", str(entry.key))), None)
            if entry is None:
                raise Refusal(f"{wanted} is not in the test queue" if wanted else "nothing waits in the test queue")
            taken.append(self._lease(entry, who))
            return queue.leased(taken[-1])

        queue = self.change(lease_one)
        entry = queue.entry(taken[-1].pull)
        assert entry is not None
        return entry, taken[-1]

    def reclaimed(self, queue: Queue) -> Queue:
        """Without the leases of dead or overdue processes; what their commands left is ended first."""
        alive = running() if queue.leases else {}
        for lease in queue.leases:
            if lease.holds(alive, time.time()):
                continue
            ended = end_left_behind(lease.group, lease.group_ticks, (RUN_MARK, lease.run_id))
            why = f"{lease.who} went away without a result"
            if (entry := queue.entry(lease.pull)) is not None:
                journal_of(entry).write(
                    "test-lost", window=entry.window, why=why, pull=lease.pull, processes_ended=ended
                )
            queue = queue.released(lease.pull, why)
        return queue

    def ask(self, entries: tuple[Entry, ...] | list[Entry]) -> dict[PullKey, int]:
        """Each one's number of unfinished checks, as far as GitHub answers now."""
        if not entries:
            return {}
        try:
            hub = github(self.settings, most_seconds=ASKING_SECONDS)
            found = hub.pull_requests([entry.key for entry in entries])
        except FleetError:
            return {}
        return {
            key: pending_checks(check.finished for check in pull.checks)
            for key, pull in found.items()
            if isinstance(pull, PullRequest)
        }

    def _lease(self, entry: Entry, who: LeaseOwner) -> Lease:
        now = time.time()
        until = 0.0 if who.pid else now + self.about.lease_seconds
        head = head_commit(Path(entry.worktree_path)) if entry.worktree_path else ""
        return Lease(str(entry.key), uuid.uuid4().hex, who.name, now, who.pid, who.start_ticks, until=until, head=head)


def entry_of(settings: Settings, agent: Agent, key: PullKey, behaviours: tuple[str, ...] = ()) -> Entry:
    """A queue entry for an agent's pull request."""
    return Entry(
        host=key.host,
        owner=key.owner,
        name=key.name,
        number=key.number,
        window=agent.window,
        worktree_path=agent.worktree_path,
        spawned_at=agent.spawned_at,
        state_file=str(settings.state_file.absolute()),
        fleet_home=str(settings.fleet_home),
        tmux_socket=settings.tmux_socket or "",
        verify=behaviours,
        added_at=time.time(),
    )


def journal_of(entry: Entry) -> Journal:
    """The journal of an entry's fleet."""
    return Journal(Path(entry.fleet_home) / "events.jsonl")


def _yield_to_others(queue: Queue, who: LeaseOwner, parallel: int) -> None:
    """Raise NotYet while as many others hold a valid lease as may at once."""
    if any(lease.held_by(who.pid, who.start_ticks) for lease in queue.leases):
        return
    alive = running() if queue.leases else {}
    others = [lease for lease in queue.leases if lease.holds(alive, time.time())]
    if len(others) < parallel:
        return
    many = "only one test runs" if parallel == 1 else f"{parallel} tests run"
    under_test = "; ".join(f"{lease.pull} is under test {_since(lease)}" for lease in others)
    raise NotYet(f"{under_test}: {many} at a time on this machine")


def running() -> dict[int, str]:
    """The start of each living process by its number."""
    return {pid: process.start_ticks for pid, process in read_processes().by_pid.items()}


def _since(lease: Lease) -> str:
    began = time.strftime("%H:%M:%S", time.localtime(lease.since))
    until = f", at most until {time.strftime('%H:%M:%S', time.localtime(lease.until))}" if lease.until else ""
    return sanitize(f"since {began} by {lease.who}{until}")
