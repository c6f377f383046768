"""Gives an agent at its prompt a new objective in the same session: delivered and recorded, or neither.

The record first states the intent (``new_task``); after the proof of delivery, the same write replaces the old task by
the new one. After a crash in between, the conversation decides: was it delivered?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.changes import changed_paths
from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.worktrees import operation
from fleetscripts.adapters.records.images import forget_image, keep_image
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.records.message import as_message
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState
from fleetscripts.services.actions.settle_task import apply_task, drop_task
from fleetscripts.services.briefing.briefing import Brief, briefing
from fleetscripts.services.pulls.verify_github import beginning
from fleetscripts.services.spawning.spawn_request import Request
from fleetscripts.services.spending.spending import note_spent
from fleetscripts.services.tasks.tasks import archive_finished, survey
from fleetscripts.services.typing.deliver import TAKES_TEXT, deliver
from fleetscripts.services.typing.pane_io import PaneIO
from fleetscripts.services.typing.receipt import Receipt, was_told
from fleetscripts.services.worktrees import branching
from fleetscripts.services.worktrees.set_up import preparation
from fleetscripts.services.worktrees.start_points import StartPoint, checked_name, start_point
from fleetscripts.services.worktrees.undo import step


@dataclass(frozen=True, slots=True)
class FollowOnResult:
    """A new task with proof of delivery. ``notes`` are for stderr."""

    receipt: Receipt
    agent: Agent
    notes: tuple[str, ...] = ()


def give_task(
    pane_io: PaneIO, settings: Settings, environ: Mapping[str, str], fleet: Fleet, agent: Agent, request: Request
) -> FollowOnResult:
    """Send the task and change the record; Refusal, with nothing changed, if it cannot be sent now. ``request``:
    objective, pull request, steps, image, and the branch, empty for the present one."""
    store = Store(settings.state_file)
    pane_id = _takes_a_task(pane_io, agent)
    folder = Path(agent.worktree_path)
    branch = request.branch or agent.branch
    start = _start_of(folder, agent, branch, request.base, settings)
    began = beginning(replace(agent, pr_number=request.pr_number, branch=branch), fleet, settings)
    source = request.image
    request = replace(request, image=keep_image(source, time.time()) if source else "")
    text = briefing(replace(_task(agent, request, branch, settings), open_threads=began.open_threads))
    intent = _intent(agent, request, branch, start, text)
    freed = _leave_file(settings, agent)
    _begin(store, agent, intent)
    try:
        with step("branch"):
            if start is not None:
                branching.check_out(folder, branch, start)
        with step("set-up"):
            set_up = _set_up(store, settings, environ, agent, folder) if start is not None else []
        receipt = deliver(pane_io, pane_id, text, why="a new task")
    except Refusal:
        drop_task(store, settings, agent, intent, "it was refused")
        forget_image(request.image, source)
        raise
    except FleetError as error:
        current = store.read().current(agent) or agent
        if not was_told(settings, current, intent):
            drop_task(store, settings, agent, intent, str(error))
            forget_image(request.image, source)
        raise
    after = apply_task(store, settings, agent, intent)
    notes = (start.note if start else "", receipt.note, began.keep(after, settings), freed, *set_up)
    return FollowOnResult(receipt, after, tuple(note for note in notes if note))


def _takes_a_task(pane_io: PaneIO, agent: Agent) -> str:
    """Its pane, if a text typed there now would be read and its record may change."""
    if agent.state is AgentState.RECYCLED:
        raise Refusal(f"{agent.called}: it is recycled; {spelled('spawn-agent')} starts a new one")
    observation = pane_io.look_at(agent)
    if observation is None:
        raise Refusal(f"{agent.called}: its pane is gone")
    said = observation.classification
    if said.state not in TAKES_TEXT or said.dialog is not None:
        found = f"a {said.dialog} dialog" if said.dialog else said.state
        raise Refusal(f"{agent.called}: expected it at its prompt, found {found} ({said.reason}); nothing was typed")
    note_spent(pane_io.settings, [(agent, observation)], time.time(), every=True)
    return agent.pane_id


def _start_of(folder: Path, agent: Agent, branch: str, base: str, settings: Settings) -> StartPoint | None:
    """The branch's starting point; None if the worktree is on it already."""
    with step("branch"):
        git = Git.in_worktree(str(folder), agent.repository)
        here = git.branch() or ""
        if branch in (here, agent.branch):
            return None
        checked_name(branch, folder)
        if not here:
            raise Refusal(f"{agent.called}: its worktree is on no branch")
        if dirty := changed_paths(git):
            raise Refusal(f"{agent.called}: its worktree has changes that are not committed ({dirty[0]})")
        if under_way := operation(git):
            raise Refusal(f"{agent.called}: a {under_way} is under way in its worktree")
        return start_point(folder, branch, base, settings)


def _leave_file(settings: Settings, agent: Agent) -> str:
    """Archive the file of its former task with its outcome, or it would be started again; an unfinished one is treated
    by its state."""
    if not agent.task.file:
        return ""
    archive_finished(settings, time.time())
    known = survey(settings, time.time()).named(agent.task.file)
    again = f"{spelled('tasks')} archive {agent.task.file} --outcome dropped keeps it from being started again"
    return (
        f"the task {agent.task.file} is pending again: {again}" if known is not None and known.agent is not None else ""
    )


def _task(agent: Agent, request: Request, branch: str, settings: Settings) -> Brief:
    return Brief(
        objective=request.objective,
        folder=agent.worktree_path,
        branch=branch,
        steps=request.steps,
        pr_number=request.pr_number,
        image_path=request.image,
        verify_command=agent.task.verify_command or settings.verify_command,
        opening="follow-on",
    )


def _intent(agent: Agent, request: Request, branch: str, start: StartPoint | None, text: str) -> dict[str, Any]:
    """What another process needs to finish or undo what begins here."""
    intent: dict[str, Any] = {
        "at": time.time(),
        "text": as_message(text),
        "objective": request.objective,
        "pr_number": request.pr_number,
        "steps": list(request.steps),
        "image_path": request.image,
        "branch": branch,
    }
    if start is not None:
        old = Git.in_worktree(agent.worktree_path, agent.repository).branch() or agent.branch
        intent |= {"old_branch": old, "start": start.commit, "existing": start.existing}
    return intent


def _set_up(store: Store, settings: Settings, environ: Mapping[str, str], agent: Agent, folder: Path) -> list[str]:
    """Set the worktree up for its new branch, if that needs other packages; returns messages for the caller. Meanwhile
    the record says so, for processes that would take the sender for dead."""
    prepared = preparation(settings, environ, folder)
    if prepared is None:
        return []

    def note(**more: object) -> None:
        store.update(lambda fleet: _with_pending(fleet, agent, more))

    limit = prepared.about.timeout_seconds
    said = prepared.set_up(lambda group: note(set_up=dict(group), busy_until=time.time() + limit))
    note(busy_until=time.time())
    return said


def _with_pending(fleet: Fleet, agent: Agent, more: Mapping[str, object]) -> Fleet:
    known = fleet.current(agent)
    if known is None or known.task.pending is None:
        raise FleetError(f"{agent.called}: its new task was settled by another process")
    return fleet.change(known, task={"pending": {**known.task.pending, **more}})


def _begin(store: Store, agent: Agent, intent: Mapping[str, Any]) -> None:
    """Record the intent: the loop then leaves the agent alone."""

    def begin(fleet: Fleet) -> Fleet:
        known = fleet.current(agent)
        if known is None:
            raise FleetError(f"{agent.called}: its record is gone")
        pending = known.task.pending
        if pending is not None:
            ago = float(intent["at"]) - float(pending.get("at", 0))
            when = f"{ago:.0f} s ago" if ago < Limits().task_change_seconds else "and its sender crashed"
            raise Refusal(f"{agent.called}: it was being given another task {when}; the loop or heartbeat settles it")
        return fleet.change(agent, task={"pending": intent})

    store.update(begin)
