"""tasks list|add|batch|dispatch|archive: task files, and agents for them."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.agents import KINDS
from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import identity
from fleetscripts.commands.options import Whole, json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.commands.text_source import text_of
from fleetscripts.errors import EXIT_DONE, EXIT_NO, UsageProblem

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.core.planning.task_plan import TaskStatus


HEADINGS = ("TASK", "STATE", "TEXT")
MOST_OF_A_TEXT = 60


@click.group("tasks")
def command() -> None:
    """Manage task files, ~/captain/tasks/pending/NAME.task (tasks_folder in the configuration), and start agents for
    them."""


@command.command("list")
@json_option
@settings_options
def list_(as_json: bool, options: Mapping[str, object]) -> int:
    """List every task in starting order, with its agent or what it waits for, and invalid files."""
    from fleetscripts.core.reports.table import table
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.tasks import tasks as service

    settings = load_settings_here(os.environ, options)
    found = service.survey(settings, time.time())
    if as_json:
        members = {"tasks": [_json(one) for one in found.standings], "problems": list(found.problems)}
        print_json(members)
        return EXIT_DONE
    rows = [_row(one) for one in found.standings]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table([HEADINGS, *rows], width) if rows else ():
        click.echo(line)
    for problem in found.problems:
        click.echo(f"problem: {problem}")
    if not found.standings and not found.problems:
        click.echo(f"no tasks in {settings.tasks_folder / 'pending'}")
    return EXIT_DONE


def _row(one: TaskStatus) -> tuple[str, ...]:
    from fleetscripts.core.records.sanitize import fit, sanitize

    begins = fit(sanitize(one.task.objective.partition("\n")[0]), MOST_OF_A_TEXT)
    return one.task.name, f"{one.state} ({one.why})" if one.why else str(one.state), begins


@command.command("add")
@click.argument("name", required=False)
@click.argument("text", required=False)
@click.option("--issue", metavar="N|URL", help="Make it of this issue on GitHub; NAME is issue-N where none is given.")
@click.option("--file", "file", metavar="FILE", type=Path, help="Read the text from FILE; - is standard input.")
@click.option("--branch", metavar="NAME", default="", help="Branch of the work (default: task/NAME).")
@click.option("--pr", metavar="NUMBER", default="", help="Pull request that the work belongs to.")
@click.option("--step", "--steps", "steps", metavar="NAME", multiple=True, help="Step to be reported; once for each.")
@click.option("--agent", metavar="KIND", default="", help=f"Agent kind: {', '.join(KINDS)}.")
@click.option("--repo", metavar="DIR", type=Path, help="Repository whose spares are taken.")
@click.option("--priority", metavar="N", type=int, default=0, help="More is sooner (default: 0).")
@click.option("--after", metavar="TASK", multiple=True, help="Not before this task is done; once for each.")
@click.option(
    "--not-before", metavar="TIME", default="", help="Begin it at this time at the earliest (YYYY-MM-DD HH:MM)."
)
@click.option("--every", metavar="TIME", default="", help="Repeat it: 90m, 12h, 1d, 2w, or five fields as in cron.")
@json_option
@settings_options
def add(
    name: str | None,
    text: str | None,
    issue: str | None,
    file: Path | None,
    branch: str,
    pr: str,
    steps: tuple[str, ...],
    agent: str,
    repo: Path | None,
    priority: int,
    after: tuple[str, ...],
    not_before: str,
    every: str,
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """Write a task file NAME with TEXT, or the text of --file; print its path.

    With --issue the text is the issue's, marked as data by its author, after TEXT if that is given too.
    """
    from fleetscripts.core.records.task_file import TaskFile, parse, plain
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.tasks import tasks as service

    settings = load_settings_here(os.environ, options)
    if issue is not None:
        name, given = _of_issue(settings, issue, name, repo, text_of(text, file) if text or file else "")
        file = None
    elif name is None:
        raise UsageProblem("expected NAME and TEXT (or --file), or --issue N|URL")
    else:
        given = plain(text_of(text, file))
    if file is not None and given.startswith("---"):
        if branch or pr or steps or agent or repo or priority or after or not_before or every:
            raise UsageProblem("expected front matter in the file or options, found both")
        task = parse(name, given)
    else:
        place = str(repo.absolute()) if repo is not None else ""
        task = TaskFile(name, given.strip(), branch, pr, steps, agent, place, priority, after, not_before, every)
    return _print_paths([service.add(settings, task)], as_json)


def _of_issue(settings: Settings, issue: str, name: str | None, repo: Path | None, more: str) -> tuple[str, str]:
    """The task's name and text."""
    from fleetscripts.config import in_home
    from fleetscripts.core.records.task_file import plain
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.tasks.issue_task import issue_key, issue_text

    fleet = load_fleet_here(os.environ)[1] if repo is None else None
    place = repo or (in_home(settings.tasks_repo, settings.home) if settings.tasks_repo else Path())
    key = issue_key(fleet, issue, place.absolute())
    return name or f"issue-{key.number}", plain(issue_text(settings, key, more))


@command.command("batch")
@click.argument("file", metavar="FILE", type=Path)
@json_option
@settings_options
def batch(file: Path, as_json: bool, options: Mapping[str, object]) -> int:
    """Write the task files contained in FILE (- is standard input), each after a line "=== NAME"; print their paths.

    All or none: an error names its line, counted from the task's name.
    """
    from fleetscripts.core.records.task_file import parse_batch
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.tasks import tasks as service

    settings = load_settings_here(os.environ, options)
    return _print_paths(service.add_all(settings, parse_batch(text_of(None, file))), as_json)


def _print_paths(paths: Sequence[Path], as_json: bool) -> int:
    if as_json:
        print_json([{"name": path.name.removesuffix(".task"), "path": str(path)} for path in paths])
    for path in () if as_json else paths:
        click.echo(path)
    return EXIT_DONE


@command.command("dispatch")
@click.option("--limit", metavar="N", type=Whole(1), help="At most this many agents (default: while there are spares).")
@click.option("--session", metavar="NAME", default="", help="tmux session (default: the fleet's).")
@click.option("--repo", metavar="DIR", type=Path, help="Repository of tasks that name none (default: tasks_repo).")
@json_option
@settings_options
def dispatch_(limit: int | None, session: str, repo: Path | None, as_json: bool, options: Mapping[str, object]) -> int:
    """Archive finished tasks, and start an agent for each task that is ready, by priority and order.

    Never starts a task twice, even when several dispatch at once. Prints a line for each; exits 3 when none was
    started.
    """
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.spawning.dispatch import DispatchTarget, dispatch

    settings = load_settings_here(os.environ, options)
    where = DispatchTarget(session, str(repo.absolute()) if repo is not None else "", again=True)
    done = dispatch(settings, os.environ, time.time(), limit, where)
    if as_json:
        print_json(
            {"begun": [identity(agent) | {"task": agent.task.file} for agent in done.begun], "words": done.lines}
        )
    for line in () if as_json else done.lines or ["no task is ready"]:
        click.echo(line)
    return EXIT_DONE if done.begun else EXIT_NO


@command.command("archive")
@click.argument("names", nargs=-1)
@click.option("--outcome", metavar="TEXT", default="", help="Outcome of the named tasks (done, dropped, …).")
@json_option
@settings_options
def archive(names: tuple[str, ...], outcome: str, as_json: bool, options: Mapping[str, object]) -> int:
    """Move finished tasks to archived/, each with its outcome; with NAMES those tasks, finished or not."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.tasks import tasks as service

    settings = load_settings_here(os.environ, options)
    if bool(names) != bool(outcome):
        raise UsageProblem("expected NAMES together with --outcome TEXT, or neither")
    now = time.time()
    one_by_one = (service.archive(settings, name, outcome, now) for name in names)
    said: list[str] = []
    for line in one_by_one if names else service.archive_finished(settings, now):
        said.append(sanitize(line))
        if not as_json:
            click.echo(said[-1])
    if as_json:
        print_json({"words": said})
    elif not said:
        click.echo("no task is finished")
    return EXIT_DONE


def _json(one: TaskStatus) -> dict[str, Any]:
    task = one.task
    members: dict[str, Any] = {"name": task.name, "state": one.state, "why": one.why, "objective": task.objective}
    more: dict[str, Any] = {
        "branch": task.work_branch,
        "pr": task.pr_number,
        "steps": list(task.steps),
        "agent": task.agent,
    }
    more |= {"repo": task.repo, "priority": task.priority, "after": list(task.after), "not_before": task.not_before}
    more["every"] = task.every
    more["window"] = one.agent.window if one.agent is not None else ""
    return members | {name: value for name, value in more.items() if value}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
