"""Which task begins next, which ones are in work, and what the others wait for."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from fleetscripts.core.planning.budget import span
from fleetscripts.core.records.task_file import TaskFile
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState

READY, WORKING, WAITING, FINISHED, STARTING, PAUSING = (
    "ready", "working", "waiting", "finished", "starting", "pausing",
)  # fmt: skip
DONE = "done"
"""The outcome that other tasks wait for."""


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One task and its state; ``why`` for people, ``agent`` is or was at work on it."""

    task: TaskFile
    state: str
    why: str = ""
    agent: Agent | None = None
    never: bool = False
    """It waits for something that cannot happen as the files are."""


def standings(
    tasks: Iterable[TaskFile],
    agents: Iterable[Agent],
    archived: Mapping[str, str],
    claimed: Collection[str] = (),
    pausing: Mapping[str, str] | None = None,
    now: float = math.inf,
    due: Mapping[str, float] | None = None,
) -> list[TaskStatus]:
    """Every task in the order in which it would begin. ``archived``: outcome by name; ``pausing``: why by name;
    ``due``: when repeated ones begin again."""
    by_task = {agent.task.file: agent for agent in agents if agent.task.file}
    listed = sorted(tasks, key=order)
    pending = {task.name: task for task in listed}
    done = {name for name, outcome in archived.items() if outcome == DONE}
    done |= {name for name, agent in by_task.items() if outcome_of(agent) == DONE}
    found = [_standing(task, by_task.get(task.name), pending, done, claimed, pausing or {}) for task in listed]
    return [_not_yet(one, now, (due or {}).get(one.task.name, 0.0)) for one in found]


def _not_yet(one: TaskStatus, now: float, due: float) -> TaskStatus:
    """It waits for a time that is still ahead."""
    if one.state not in (READY, PAUSING):
        return one
    if one.task.begins_at > now:
        return replace(one, state=WAITING, why=f"not before {one.task.not_before}")
    if due > now:
        return replace(one, state=WAITING, why=f"every {one.task.every}, again in {span(due - now)}")
    return one


def order(task: TaskFile) -> tuple[int, list[tuple[bool, int, str]]]:
    """A higher priority first, then by name with numbers compared by value."""
    parts = re.findall(r"\d+|\D+", task.name)
    return -task.priority, [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def outcome_of(agent: Agent) -> str:
    """How its work ended; empty while it has not."""
    if agent.state is AgentState.DONE:
        return DONE
    if agent.state is AgentState.RECYCLED:
        return DONE if agent.verdict.outcome == "verified" else "recycled"
    return ""


def _standing(
    task: TaskFile,
    agent: Agent | None,
    pending: Mapping[str, TaskFile],
    done: Collection[str],
    claimed: Collection[str],
    pausing: Mapping[str, str],
) -> TaskStatus:
    if agent is not None:
        outcome = outcome_of(agent)
        where = f"{agent.window}: {agent.state}"
        return TaskStatus(task, FINISHED if outcome else WORKING, outcome or where, agent)
    if task.name in claimed:
        return TaskStatus(task, STARTING, "an agent is being started for it")
    missing = [name for name in task.after if name not in done]
    if missing:
        never = _never(task, missing, pending)
        return TaskStatus(task, WAITING, f"after {', '.join(missing)}{never}", never=bool(never))
    if task.name in pausing:
        return TaskStatus(task, PAUSING, pausing[task.name])
    return TaskStatus(task, READY)


def _never(task: TaskFile, missing: list[str], pending: Mapping[str, TaskFile]) -> str:
    """Why these will not be done before it; empty if they may."""
    unknown = [name for name in missing if name not in pending]
    if unknown:
        return f"; there is no task {unknown[0]}, and none was done under that name"
    return ", which itself waits for this one" if task.name in _behind(missing, pending) else ""


def _behind(names: Iterable[str], pending: Mapping[str, TaskFile]) -> set[str]:
    """These tasks and all that they wait for."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found and name in pending:
            found.add(name)
            todo += pending[name].after
    return found
