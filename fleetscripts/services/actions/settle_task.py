"""Settles a follow-on task whose sender crashed: recorded if the agent received it, dropped otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import NoServer
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.record import Task
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.resume_spawn import is_spawn, settle_spawn
from fleetscripts.services.typing.pane_io import open_pane_io
from fleetscripts.services.typing.receipt import was_told
from fleetscripts.services.worktrees import branching
from fleetscripts.services.worktrees.logged_command import end_abandoned
from fleetscripts.services.worktrees.start_points import StartPoint


def settle_task(case: Case) -> str:
    """Record or drop the task; an agent's first one is a spawn's."""
    if is_spawn(case.current().task.pending):
        return settle_spawn(case)
    with _nobody_types(case):
        agent = case.current()
        intent = agent.task.pending
        if intent is None:
            raise Refusal(f"{agent.called}: no task is being given to it")
        if was_told(case.settings, agent, intent):
            apply_task(case.store, case.settings, agent, intent)
            return "it has its new task; the record says so now"
        drop_task(case.store, case.settings, agent, intent, "its sender ended before it was delivered")
        return "it never got the new task; the record is as it was"


def _nobody_types(case: Case) -> AbstractContextManager[None]:
    """Wait for a slow sender, if there is a pane to type into."""
    try:
        return open_pane_io(case.settings, case.fleet).turn(case.agent.pane_id)
    except NoServer:
        return nullcontext()


def apply_task(store: Store, settings: Settings, agent: Agent, intent: Mapping[str, Any]) -> Agent:
    """Replace the old task by the new one, in one write."""

    def apply(fleet: Fleet) -> Fleet:
        known = fleet.current(agent)
        if known is None:
            raise FleetError(f"{agent.called}: its record is gone")
        return fleet.with_agent(_on_the_new_task(known, intent))

    after = store.update(apply).current(agent)
    Journal(settings.journal_file).write(
        "task-given",
        id=agent.id,
        window=agent.window,
        why="a new task in the same session",
        objective=intent["objective"],
        before=agent.objective,
    )
    return after if after is not None else _on_the_new_task(agent, intent)


def _on_the_new_task(agent: Agent, intent: Mapping[str, Any]) -> Agent:
    image = str(intent["image_path"])
    return agent.with_task(
        Task(started_at=float(intent["at"]), image=image, verify_command=agent.task.verify_command),
        objective=intent["objective"],
        pr_number=intent["pr_number"],
        steps=tuple(intent["steps"]),
        branch=intent["branch"],
    )


def drop_task(store: Store, settings: Settings, agent: Agent, intent: Mapping[str, Any], why: str) -> None:
    """Restore the record, and the worktree's branch."""
    end_abandoned(intent.get("set_up") or {})
    if old := intent.get("old_branch"):
        start = StartPoint(str(intent["start"]), existing=bool(intent["existing"]))
        branching.put_back(Path(agent.worktree_path), str(old), str(intent["branch"]), start)
    store.update(lambda fleet: fleet.change(agent, task={"pending": None}))
    objective = intent.get("objective")
    Journal(settings.journal_file).write(
        "task-not-given", id=agent.id, window=agent.window, why=why, objective=objective
    )
