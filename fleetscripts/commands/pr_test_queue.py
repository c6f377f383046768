"""``test-queue``: runs ``/pr-test`` one at a time on the whole machine, or a few, in order, with results that count."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import load_agent_at_work
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.errors import EXIT_NO, FleetError, Refusal, UsageProblem
from fleetscripts.invocation import spelled

if TYPE_CHECKING:
    from fleetscripts.core.pr_testing.queue import Entry, Queue
    from fleetscripts.services.pr_testing.queue import PrTestQueue
    from fleetscripts.services.pr_testing.run import RunResult

RESULT_FORM = "SCENARIO=PASS, SCENARIO=PARTIAL: what is missing, or SCENARIO=FAIL: what is missing"

Options = Mapping[str, object]


@click.group("test-queue")
def command() -> None:
    """Queue of pull requests for /pr-test, of which only one (or `parallel`) may run on this machine at a time.

    add WINDOW [--verify TEXT]; then next (you test) or run [--background] (the configured command tests); then done
    WINDOW with a verdict for each scenario. list [--json] shows the queue. The slot is yours while your client runs; if
    it dies, the pull request is queued again.
    """


@command.command("add")
@click.argument("window", metavar="WINDOW")
@click.option("--verify", metavar="TEXT", multiple=True, help="A behaviour that the test has to verify; repeatable.")
@settings_options
def add(window: str, verify: tuple[str, ...], options: Options) -> int:
    """Queue the pull request of the agent in WINDOW. Fewest pending checks go first, then the oldest."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.pr_testing.queue import PrTestQueue, entry_of
    from fleetscripts.services.pulls.pull_reading import pull_key

    settings, fleet, agent = load_agent_at_work(options, window)
    key = pull_key(agent, fleet)
    if key is None:
        raise UsageProblem(f"{agent.called} has no pull request to test: {spelled('update-agent')} WINDOW pr_number=N")
    entry = entry_of(settings, agent, key, tuple(text.strip() for text in verify if text.strip()))
    queue = PrTestQueue(settings, os.environ).add(entry)
    waiting = queue.waiting()
    place = next(n for n, one in enumerate(waiting, 1) if one.key == key)
    pending = waiting[place - 1].pending
    checks = "pending checks not known" if pending is None else f"{pending} checks pending"
    click.echo(sanitize(f"{key} ({agent.window}): {place} of {len(waiting)} in the queue, {checks}"))
    return 0


@command.command("next")
@settings_options
def next_(options: Options) -> int:
    """Take the next pull request and print the /pr-test line to run now. Exit code 8: another test is running."""
    queue = _queue(options)
    return _hand_out(queue, "")


@command.command("run")
@click.argument("window", metavar="[WINDOW]", required=False)
@click.option("--background", is_flag=True, help="Return at once; the log's name is printed, the results are recorded.")
@settings_options
def run_(window: str | None, background: bool, options: Options) -> int:
    """Test the next pull request, or WINDOW's, with the command of [test_queue] in config.toml; act on the result.

    Without such a command it prints the /pr-test line, as next does. Exit code 0: all scenarios PASS. 3: not all, or
    no verdicts in the output. 8: another test is running. 1: it failed or timed out; the pull request is queued again.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.pr_testing.background import start_in_background
    from fleetscripts.services.pr_testing.run import run_next

    queue = _queue(options)
    wanted = str(_entry(queue, window, options).key) if window else ""
    if not queue.about.command:
        return _hand_out(queue, wanted)
    if background:
        started = start_in_background(queue, ["test-queue", "run", *([window] if window else []), *_spelled(options)])
        click.echo(started.said.strip() if started.exit_code is not None else f"log: {started.log}")
        return started.exit_code or 0
    ran: RunResult = run_next(queue, wanted, click.echo)
    click.echo(sanitize(ran.said))
    return 0 if ran.passed else EXIT_NO


@command.command("done")
@click.argument("window", metavar="WINDOW")
@click.argument("results", metavar="[SCENARIO=PASS|PARTIAL|FAIL[: WHAT IS MISSING]]...", nargs=-1)
@settings_options
def done(window: str, results: tuple[str, ...], options: Options) -> int:
    """Record the verdicts of /pr-test on WINDOW's pull request, one for each scenario, and act on them.

    PARTIAL and FAIL name what is missing, which is sent to the agent. When all pass, the work is queued for
    evaluation. Anything vaguer is refused (exit code 3), with the form to ask again. Without results: send an
    undelivered result to the agent.
    """
    from fleetscripts.core.pr_testing.results import merged, scenario, vague
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.pr_testing.verdict import finish, prompt

    queue = _queue(options)
    if not results:
        return _tell_again(queue, window, options)
    entry = _entry(queue, window, options)
    head = _tested_commit(queue, entry)
    if unclear := vague(results):
        shown = "; ".join(repr(sanitize(word)[:80]) for word in unclear[:3])
        click.echo(f"test-queue: no verdict on a scenario: {shown}: expected {RESULT_FORM}. Ask again:", err=True)
        queue.change(lambda known: known.asked_again(str(entry.key), "the last answer had no verdicts"))
        click.echo(prompt(queue, entry, full=True))
        return EXIT_NO
    found = merged(one for text in results if (one := scenario(text)) is not None)
    click.echo(sanitize(finish(queue, entry, head, found)))
    return 0


@command.command("drop")
@click.argument("window", metavar="WINDOW")
@settings_options
def drop(window: str, options: Options) -> int:
    """Remove WINDOW's pull request from the queue, untested; a later report of its test is refused."""
    from fleetscripts.core.records.sanitize import sanitize

    queue = _queue(options)
    entry = _entry(queue, window, options)
    lease = queue.change(queue.reclaimed).lease_of(str(entry.key))
    if lease is not None and lease.group:
        raise Refusal(f"{lease.pull} is under test by {lease.who}: end that process first")
    queue.change(lambda known: known.without(str(entry.key)))
    click.echo(sanitize(f"{entry.key} ({entry.window}) is not in the queue any more"))
    return 0


@command.command("list")
@json_option
@settings_options
def list_(as_json: bool, options: Options) -> int:
    """Show the running tests, the waiting ones in order, and results that an agent has not received yet."""
    from fleetscripts.core.pr_testing.queue_json import written
    from fleetscripts.core.pr_testing.queue_text import lines
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.pr_testing.queue import PrTestQueue

    queue = PrTestQueue(load_settings_here(os.environ, options), os.environ)
    known = queue.read()
    click.echo(
        json.dumps(written(known) | _order(known), indent=2)
        if as_json
        else "\n".join(lines(known, _alive(known), time.time()))
    )
    return 0


def _alive(queue: Queue) -> set[str]:
    """The runs whose processes are alive."""
    from fleetscripts.services.pr_testing.queue import running

    now = running()
    return {lease.run_id for lease in queue.leases if lease.holds(now, time.time())}


def _order(queue: Queue) -> dict[str, object]:
    return {"order": [str(entry.key) for entry in queue.waiting()]}


def _queue(options: Options) -> PrTestQueue:
    """For a caller that tests or reports; not for an agent of the fleet."""
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.observe.agent_pane import agent_in_pane
    from fleetscripts.services.pr_testing.queue import PrTestQueue

    settings, fleet = load_fleet(os.environ, options)
    agent = agent_in_pane(fleet, os.environ)
    if agent is not None:
        raise Refusal(f"{agent.called} is an agent's window: the orchestrator tests, agents do not")
    return PrTestQueue(settings, os.environ)


def _hand_out(queue: PrTestQueue, wanted: str) -> int:
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.pr_testing.turn import caller
    from fleetscripts.services.pr_testing.verdict import prompt

    entry, lease = queue.take(caller(), wanted)
    until = (
        f"until {time.strftime('%H:%M:%S', time.localtime(lease.until))}" if lease.until else "while your client lives"
    )
    click.echo(
        sanitize(f"test-queue: yours {until}; afterwards: {spelled('test-queue')} done {entry.key} SCENARIO=PASS …"),
        err=True,
    )
    click.echo(prompt(queue, entry))
    return 0


def _entry(queue: PrTestQueue, target: str, options: Options) -> Entry:
    """The entry of an agent's window, or of the pull request itself."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.observe.agent_meant import agent_meant

    known = queue.read()
    settings, fleet = load_fleet(os.environ, options)
    agent = agent_meant(settings, fleet, target)
    found = known.of_agent(agent) if agent is not None else None
    found = found or known.entry(target)
    if found is None:
        raise FleetError(
            f"{sanitize(target)} is not in the test queue: {spelled('test-queue')} add WINDOW puts it there"
        )
    return found


def _tested_commit(queue: PrTestQueue, entry: Entry) -> str:
    """The tested commit. Refusal while another test runs: of two at once, neither counts."""
    from fleetscripts.adapters.git.head import head_commit
    from fleetscripts.services.pr_testing.turn import caller

    known = queue.change(queue.reclaimed)
    lease, mine = known.lease_of(str(entry.key)), caller()
    if lease is None and len(known.leases) >= queue.about.parallel:
        other = known.leases[0]
        raise Refusal(f"{other.pull} is under test by {other.who}: a test beside it does not count, test again later")
    if lease is None:
        return head_commit(Path(entry.worktree_path)) if entry.worktree_path else ""
    if lease.group:
        raise Refusal(f"{lease.pull} is under test by {lease.who}, which records its results itself")
    if lease.pid and not lease.held_by(mine.pid, mine.start_ticks):
        raise Refusal(f"{lease.pull} is under test by {lease.who}, not by this caller")
    return lease.head


def _tell_again(queue: PrTestQueue, window: str, options: Options) -> int:
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.pr_testing.queue import entry_of
    from fleetscripts.services.pr_testing.verdict import follow
    from fleetscripts.services.pulls.pull_reading import pull_key

    _, fleet, agent = load_agent_at_work(options, window)
    outcome = queue.read().outcome_of(agent)
    if outcome is None or outcome.told:
        raise UsageProblem(f"expected results: {RESULT_FORM}")
    key = pull_key(agent, fleet)
    if key is None:
        raise UsageProblem(f"{agent.called} has no pull request any more")
    click.echo(sanitize(follow(queue, entry_of(queue.settings, agent, key), outcome)))
    return 0


def _spelled(options: Options) -> list[str]:
    """The settings' options as given."""
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
