"""Completes or rolls back a spawn whose process crashed.

The record is written as soon as there is a window, with a ``new_task`` that says what is left to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.claims import ClaimBook
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.core.records.message import as_message
from fleetscripts.core.reports.state_lines import state_line
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent
from fleetscripts.models import PaneState
from fleetscripts.services.actions.case import Case
from fleetscripts.services.clients.closing import close, place_of
from fleetscripts.services.clients.left_running import end_own, left_running, refuse_others
from fleetscripts.services.clients.readiness import at_prompt
from fleetscripts.services.observe.servers import server_at_work
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import open_pane_io
from fleetscripts.services.typing.receipt import was_told
from fleetscripts.services.worktrees import branching
from fleetscripts.services.worktrees.start_points import StartPoint

GONE = frozenset({PaneState.IDLE, PaneState.MISSING})


def intent_of(text: str, spare_branch: str, start: StartPoint, at: float) -> dict[str, Any]:
    """What another process needs to finish or roll back a spawn that has opened its window."""
    return {
        "at": at,
        "text": as_message(text),
        "spare_branch": spare_branch,
        "start": start.commit,
        "existing": start.existing,
    }


def is_spawn(intent: Mapping[str, Any] | None) -> bool:
    """Whether a record's ``new_task`` was left by a spawn."""
    return intent is not None and "spare_branch" in intent


def settle_spawn(case: Case) -> str:
    """Brief the agent unless it was briefed; roll the spawn back if there is no client to brief."""
    agent = case.current()
    intent = agent.task.pending or {}
    if _spawner_lives(case, agent):
        raise Refusal(f"{agent.called}: its spawn is still in progress")
    if was_told(case.settings, agent, intent):
        return _recorded(case, "it has its briefing; the record says so now")
    asked = server_at_work(agent.tmux_server, Tmux(case.settings.tmux_socket))
    if asked is None:
        return _undone(case, agent, intent)
    pane_io = open_pane_io(case.settings, case.fleet, asked)
    observation = pane_io.look_at(agent)
    if observation is None or observation.classification.state in GONE:
        return _undone(case, agent, intent)
    at_prompt(pane_io, case.settings, agent.pane_id, Path(agent.worktree_path))
    receipt = deliver(pane_io, agent.pane_id, str(intent["text"]), why="briefing")
    return _recorded(case, f"it got its briefing now (proof: {receipt.proof})")


def _spawner_lives(case: Case, agent: Agent) -> bool:
    claims = ClaimBook(case.settings.fleet_home / "claims").read()
    return any(claim.alive and claim.path == agent.worktree_path for claim in claims)


def _recorded(case: Case, words: str) -> str:
    case.change(task={"pending": None})
    case.journal.write("spawned", **state_line(case.current()))
    return words


def _undone(case: Case, agent: Agent, intent: Mapping[str, Any]) -> str:
    """Make the worktree spare again and remove the record: the task can be started anew."""
    folder = Path(agent.worktree_path)
    place = place_of(Tmux(case.settings.tmux_socket), agent, folder)
    refuse_others(left_running(agent, folder, place.pane.pid if place else None))
    if place is not None:
        close(place)
    end_own(agent, folder)
    start = StartPoint(str(intent["start"]), existing=bool(intent["existing"]))
    kept = branching.put_back(folder, str(intent["spare_branch"]), agent.branch, start)
    case.store.update(lambda fleet: fleet.without_agent(agent))
    ClaimBook(case.settings.fleet_home / "claims").drop(agent.worktree_path)
    said = "its client ended before it was briefed: rolled back, the worktree is spare again"
    return f"{said}; what was done is kept under {kept}" if kept else said
