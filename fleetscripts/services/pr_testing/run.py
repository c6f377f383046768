"""Runs the configured test command once: under a lease, logged, with a time limit, recorded."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from fleetscripts.adapters.git.check_command import scrubbed
from fleetscripts.adapters.records.files import private_folder
from fleetscripts.adapters.system.process_group import GroupCommand
from fleetscripts.core.pr_testing.queue import Entry, Lease, Queue
from fleetscripts.core.pr_testing.results import all_pass, merged
from fleetscripts.core.records.sanitize import sanitize, sanitize_lines
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.services.notify.notify import notify
from fleetscripts.services.pr_testing.output import RunOutput, verdicts
from fleetscripts.services.pr_testing.queue import RUN_MARK, PrTestQueue, journal_of
from fleetscripts.services.pr_testing.turn import this_process
from fleetscripts.services.pr_testing.verdict import agent_of, finish, prompt
from fleetscripts.services.worktrees.slots import slot_variables

MOST_LOGS = 30
LONGEST_OBJECTIVE = 50_000
"""The system limits one variable to 128 KiB."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run's result: whether every scenario passed, and a description."""

    passed: bool
    said: str


def run_next(queue: PrTestQueue, wanted: str, listener: Callable[[str], None]) -> RunResult:
    """Test the next pull request, or ``wanted``, with the configured command; notifies those who wait for it."""
    entry, lease = queue.take(this_process(), wanted)
    who = f"{entry.key} ({entry.window})"
    try:
        ran = _tested(queue, entry, lease, listener)
    except FleetError as error:
        notify(f"{who}: {error}", queue.settings, queue.environ)
        raise
    if not ran.passed:
        notify(f"{who}: not every scenario of /pr-test passes; {ran.said}", queue.settings, queue.environ)
    return ran


def _tested(queue: PrTestQueue, entry: Entry, lease: Lease, listener: Callable[[str], None]) -> RunResult:
    with _ending_on_signals():
        try:
            code, heard = _run(queue, entry, lease, listener)
        except BaseException as error:
            why = "the run was interrupted" if isinstance(error, KeyboardInterrupt) else f"the run failed: {error}"
            _give_back(queue, entry, lease, sanitize(why))
            raise
    if code is None:
        said = f"the command had not ended after {queue.about.timeout_seconds:g} s and was stopped"
        _give_back(queue, entry, lease, said)
        raise FleetError(f"{entry.key}: {said}; it waits again, see {_log_of(queue, lease)}")
    found = verdicts(merged(heard.found), code, heard.last, exit_code_decides=queue.about.exit_code_decides)
    if not found:
        said = "its output has no line SCENARIO=PASS, SCENARIO=PARTIAL: … or SCENARIO=FAIL: …"
        _give_back(queue, entry, lease, said)
        raise Refusal(f"{entry.key}: {said}; it waits again, see {_log_of(queue, lease)}")
    listener("")
    for one in found:
        listener(str(one))
    return RunResult(all_pass(found), finish(queue, entry, lease.head, found))


def _run(
    queue: PrTestQueue, entry: Entry, lease: Lease, listener: Callable[[str], None]
) -> tuple[int | None, RunOutput]:
    """Exit code (None: timeout) and verdicts. The command begins once its group is recorded."""
    log = _log_of(queue, lease, entry)
    environment, folder = _environment_and_folder(queue, entry, lease)
    command = GroupCommand(queue.about.command, folder, environment)
    try:
        with _opened(log) as stream:
            heard = RunOutput(stream, listener)
            queue.change(lambda known: _noted(known, lease, command, log))
            journal_of(entry).write(
                "test-began",
                window=entry.window,
                why="test-queue run",
                pull=lease.pull,
                log=str(log),
                head=lease.head,
            )
            listener(f"log: {log}")
            code = command.run(queue.about.timeout_seconds, heard)
            heard.end()
            return code, heard
    finally:
        command.end()


def _noted(known: Queue, lease: Lease, command: GroupCommand, log: Path) -> Queue:
    now = known.lease_of(lease.pull)
    if now is None or now.run_id != lease.run_id:
        raise Refusal(f"{lease.pull}: the test was taken over before it started")
    return known.with_lease(replace(now, group=command.group, group_ticks=command.start_ticks, log=str(log)))


def _give_back(queue: PrTestQueue, entry: Entry, lease: Lease, why: str) -> None:
    """Return the entry to the queue, if we still hold it."""

    def release(known: Queue) -> Queue:
        ours = any(one.run_id == lease.run_id for one in known.leases)
        return known.released(lease.pull, why) if ours else known

    queue.change(release)
    journal_of(entry).write("test-ended", window=entry.window, why=why, pull=lease.pull)


def _environment_and_folder(queue: PrTestQueue, entry: Entry, lease: Lease) -> tuple[dict[str, str], Path]:
    """Environment and folder. Other people's text is passed in variables, never in the command's text."""
    agent = agent_of(queue, entry)
    objective = sanitize_lines(agent.objective)[:LONGEST_OBJECTIVE] if agent is not None else ""
    about = {
        RUN_MARK: lease.run_id,
        "FLEET_TEST_URL": entry.url,
        "FLEET_TEST_PR": str(entry.number),
        "FLEET_TEST_REPO": f"{entry.owner}/{entry.name}",
        "FLEET_TEST_HOST": entry.host,
        "FLEET_TEST_HEAD": lease.head,
        "FLEET_TEST_BRANCH": sanitize(agent.branch) if agent is not None else "",
        "FLEET_TEST_WORKTREE": entry.worktree_path,
        "FLEET_TEST_OBJECTIVE": objective,
        "FLEET_TEST_PROMPT": prompt(queue, entry, full=True)[: 2 * LONGEST_OBJECTIVE],
    }
    if Path(entry.worktree_path).is_dir() and entry.worktree_path:
        about |= slot_variables(queue.settings, queue.environ, Path(entry.worktree_path))
    folder = Path(queue.about.folder or entry.worktree_path or queue.settings.home).expanduser()
    return scrubbed(queue.environ, queue.about.environment) | about, folder


def _log_of(queue: PrTestQueue, lease: Lease, entry: Entry | None = None) -> Path:
    """Named by its start and its pull request's number."""
    number = entry.number if entry is not None else lease.pull.rpartition("#")[2]
    began = time.strftime("%Y%m%d-%H%M%S", time.localtime(lease.since))
    return queue.folder / "logs" / f"{began}-{number}-{lease.run_id[:6]}.log"


def _opened(log: Path) -> BinaryIO:
    """The log, for its owner alone; the oldest beyond a limit are deleted."""
    try:
        private_folder(log.parent)
        for old in sorted(log.parent.glob("*.log"))[: -MOST_LOGS + 1]:
            old.unlink(missing_ok=True)
        return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")
    except OSError as error:
        raise FleetError(f"cannot write the log {log}: {error.strerror}") from error


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """A termination signal ends the command too, as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
