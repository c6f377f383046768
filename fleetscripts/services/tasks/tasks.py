"""Task files: their states, adding one, and archiving finished ones with their outcome."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.claims import ClaimBook
from fleetscripts.adapters.git.notes import NoteBook
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.adapters.records.task_folder import SUFFIX, PendingEntry, TaskFolder
from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.agents import KINDS
from fleetscripts.config import Settings
from fleetscripts.core.planning.repeat import due_at
from fleetscripts.core.planning.task_plan import FINISHED, STARTING, WORKING, TaskStatus, outcome_of, standings
from fleetscripts.core.pr_testing.step import is_test_step
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.records.task_file import NAME, TaskFile, TaskProblem, parse, write
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal, UsageProblem
from fleetscripts.fleet import Agent
from fleetscripts.services.tasks.host_tasks import agents_elsewhere, host_tasks
from fleetscripts.services.tasks.host_tasks import drop as drop_handed
from fleetscripts.services.worktrees.spares import fleet_now

LOCK_SECONDS = 60.0
"""For choosing and moving: nothing is started meanwhile."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 3600.0
"""Delay after a task could not be started; doubled each time. A changed file is tried at once."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All task files: the valid ones in the order in which they would begin, and the others' problems."""

    standings: tuple[TaskStatus, ...]
    problems: tuple[str, ...] = ()

    def named(self, name: str) -> TaskStatus | None:
        return next((one for one in self.standings if one.task.name == name), None)


def folder(settings: Settings) -> TaskFolder:
    """The folder of the tasks."""
    return TaskFolder(settings.tasks_folder)


def claims(settings: Settings) -> ClaimBook:
    """Who is starting an agent for which task now."""
    return ClaimBook(settings.fleet_home / "task-claims")


def claim_key(settings: Settings, name: str) -> str:
    """The key of a claim on this task."""
    return str(settings.tasks_folder / f"{name}{SUFFIX}")


def choosing(settings: Settings) -> AbstractContextManager[None]:
    """One process at a time chooses a task, or moves files."""
    return hold(settings.locks / "tasks.lock", LOCK_SECONDS)


def survey(settings: Settings, now: float) -> Survey:
    """Every task's status. Claims are read before records: a process drops its claim after writing the record."""
    found = list(folder(settings).read())
    own = {claim_key(settings, entry.name): entry.name for entry in found if entry.name}
    claimed = {own[claim.path] for claim in claims(settings).read() if claim.alive and claim.path in own}
    given = host_tasks(settings)
    agents = (*fleet_now(settings).agents, *agents_elsewhere(settings, given, now))
    claimed |= given.keys()
    tasks, problems = _parsed(found)
    pausing = {entry.name: why for entry in found if (why := _pausing(settings, entry, now))}
    archived = folder(settings).outcomes()
    due = {task.name: _due(settings, task, now) for task in tasks if task.every}
    return Survey(tuple(standings(tasks, agents, archived, claimed, pausing, now, due)), tuple(problems))


def _due(settings: Settings, task: TaskFile, now: float) -> float:
    """When a repeated task begins next. One that never began: a span at once, a calendar from its file's date on. After
    the clock was set back, the last start counts as now, and is recorded: it is waited for once."""
    key = claim_key(settings, task.name)
    note = _begun(settings).read(key)
    began = note.get("began") if note is not None else None
    if isinstance(began, int | float):
        if began > now:
            _begun(settings).write(key, {"began": now})
        return due_at(task.every, float(began), now, local_zone())
    return due_at(task.every, folder(settings).changed_at(task.name), now, local_zone()) if " " in task.every else 0.0


def _begun(settings: Settings) -> NoteBook:
    """When repeated tasks last began."""
    return NoteBook(settings.fleet_home / "task-repeats")


def _parsed(found: Sequence[PendingEntry]) -> tuple[list[TaskFile], list[str]]:
    tasks: list[TaskFile] = []
    problems: list[str] = []
    for entry in found:
        if entry.problem:
            problems.append(sanitize(entry.problem))
        elif not NAME.fullmatch(entry.name):
            problems.append(sanitize(f"{entry.name[:100]!r}: expected a file's name of letters, digits and . _ -"))
        else:
            try:
                tasks.append(_checked(parse(entry.name, entry.text)))
            except TaskProblem as problem:
                problems.append(sanitize(str(problem)))
    return tasks, problems


def _checked(task: TaskFile) -> TaskFile:
    """Problems that only the whole program can detect."""
    if task.agent and task.agent not in KINDS:
        raise TaskProblem(f"{task.name}{SUFFIX}: expected an agent kind ({', '.join(KINDS)}), found {task.agent!r}")
    if any(map(is_test_step, task.steps)):
        raise TaskProblem(f"{task.name}{SUFFIX}: pr-test is no agent's step: the orchestrator runs those tests")
    return task


def note_failure(settings: Settings, name: str, why: str, now: float) -> None:
    """Record that a task could not be started: it is retried later, or when its file has changed."""
    book, key = _failures(settings), claim_key(settings, name)
    known = book.read(key) or {}
    stamp = next((entry.stamp for entry in folder(settings).read() if entry.name == name), 0)
    tries = int(known.get("tries", 0)) + 1 if known.get("stamp") == stamp else 1
    pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (tries - 1))
    book.write(key, {"stamp": stamp, "tries": tries, "again_at": now + pause, "why": why[:500]})


def forget_failure(settings: Settings, name: str) -> None:
    """The task has begun, or is gone."""
    _failures(settings).drop(claim_key(settings, name))


def _failures(settings: Settings) -> NoteBook:
    return NoteBook(settings.fleet_home / "task-failures")


def _pausing(settings: Settings, entry: PendingEntry, now: float) -> str:
    known = _failures(settings).read(claim_key(settings, entry.name)) if entry.name else None
    if known is None or known.get("stamp") != entry.stamp:
        return ""
    again = float(known.get("again_at", 0))
    return f"could not be started: {known.get('why')}" if now < again <= now + LONGEST_PAUSE_SECONDS else ""


def add_all(settings: Settings, tasks: Sequence[TaskFile]) -> list[Path]:
    """Create files for all of them, or for none: everything is checked before the first is written."""
    there = {entry.name for entry in folder(settings).read()}
    for task in tasks:
        _writable(task)
        if task.name in there:
            raise UsageProblem(f"there is a task {task.name} already")
        _refuse_at_work(settings, task)
    return [add(settings, task) for task in tasks]


def _writable(task: TaskFile) -> str:
    """Its file's text, if it reads back unchanged."""
    if not NAME.fullmatch(task.name):
        raise UsageProblem(f"expected a name of letters, digits and . _ -, found {task.name!r}")
    text = write(task)
    if _checked(parse(task.name, text)) != replace(task, objective=task.objective.strip()):
        raise UsageProblem("expected values that a task file can hold, on one line each")
    return text


def _refuse_at_work(settings: Settings, task: TaskFile) -> list[Agent]:
    """Agents that had a task of this name; Refusal while one works on it."""
    earlier = [agent for agent in fleet_now(settings).agents if agent.task.file == task.name]
    if at_work := [agent for agent in earlier if not outcome_of(agent)]:
        raise Refusal(f"the agent in {at_work[0].window} works on a task {task.name}: choose another name")
    return earlier


def add(settings: Settings, task: TaskFile) -> Path:
    """Create a file in ``pending``. An agent's former work under that name no longer counts for it."""
    text = _writable(task)
    with choosing(settings):
        earlier = _refuse_at_work(settings, task)
        path = folder(settings).add(task.name, text)
        _begun(settings).drop(claim_key(settings, task.name))
        for agent in earlier:
            _unlink(settings, agent)
    return path


def archive_finished(settings: Settings, now: float) -> list[str]:
    """Move every task whose agent is done to ``archived``; returns what was moved, a line each."""
    with choosing(settings):
        finished = [one for one in survey(settings, now).standings if one.state == FINISHED]
        return [
            _archive(settings, one.task.name, one.why, now, one.agent, again=bool(one.task.every)) for one in finished
        ]


def archive(settings: Settings, name: str, outcome: str, now: float) -> str:
    """Move this one by hand; Refusal while somebody works on it."""
    with choosing(settings):
        return _archive_this(settings, name, outcome, now)


def _archive_this(settings: Settings, name: str, outcome: str, now: float) -> str:
    found = next((entry for entry in folder(settings).read() if entry.name == name), None)
    if found is None:
        raise Refusal(f"no task {name!r} in {folder(settings).pending}")
    known = survey(settings, now).named(name)
    if known is not None and known.state in (WORKING, STARTING):
        raise Refusal(f"{name}: an agent works on it ({known.why})")
    return _archive(settings, name, outcome, now, known.agent if known else None)


def _archive(
    settings: Settings, name: str, outcome: str, now: float, agent: Agent | None, *, again: bool = False
) -> str:
    """``again``: it is repeated, and its file stays."""
    members: dict[str, Any] = {"task": name, "outcome": outcome, "at": now, "date": _date(now)}
    began = agent.task.started_at or agent.spawned_at if agent is not None else now
    if again:
        _begun(settings).write(claim_key(settings, name), {"began": began})
    else:
        _begun(settings).drop(claim_key(settings, name))
    target = folder(settings).archive(name, members | _work_of(agent), keep=again)
    forget_failure(settings, name)
    drop_handed(settings, name)
    if agent is not None:
        _unlink(settings, agent)
    window = agent.window if agent is not None else ""
    Journal(settings.journal_file).write("task-archived", window=window, why=outcome, task=name)
    return f"{name}: {outcome}, archived as {target.name}"


def _work_of(agent: Agent | None) -> dict[str, Any]:
    if agent is None:
        return {}
    return {
        "window": agent.window,
        "worktree": agent.worktree,
        "branch": agent.branch,
        "pr_number": agent.pr_number,
        "checkpoints": list(agent.checkpoints),
        "verdict": agent.verdict.outcome,
        "session_id": agent.session_id,
        "began": _date(agent.task.started_at),
    }


def _unlink(settings: Settings, agent: Agent) -> None:
    """A later task of the same name is not this agent's."""
    try:
        Store(settings.state_file).update(lambda fleet: fleet.change(agent, task={"file": ""}))
    except StateMissing:
        return


def _date(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
