"""Takes over a client started by hand, with its conversation, worktree and branch. Types nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.head import head_commit
from fleetscripts.adapters.git.remotes import recorded_remote
from fleetscripts.adapters.git.worktrees import worktrees
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.core.planning.capacity import protected, spare_number
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal, UsageProblem
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, PaneFacts, WorktreeFacts
from fleetscripts.record import LastLook, Task
from fleetscripts.services.observe.agent_pane import agent_at
from fleetscripts.services.observe.observe import look, transcript_of
from fleetscripts.services.own_pane import own_pane
from fleetscripts.services.pulls.verify_github import note_settled_threads
from fleetscripts.services.spawning.spawn_request import Request
from fleetscripts.services.spending.spending import begin_spent
from fleetscripts.services.typing.pane_io import PaneIO
from fleetscripts.services.typing.receipt import last_submitted
from fleetscripts.services.worktrees.spares import claims_on, real_worktree

LONGEST_OBJECTIVE = 4000


@dataclass(frozen=True, slots=True)
class AdoptResult:
    """The new record; ``notes`` are for stderr."""

    agent: Agent
    notes: tuple[str, ...] = ()


def adopt(
    pane_io: PaneIO,
    settings: Settings,
    fleet: Fleet | None,
    facts: PaneFacts,
    environ: Mapping[str, str],
    request: Request,
) -> AdoptResult:
    """Write a record for the client in this pane; Refusal, with nothing written, if it cannot be managed."""
    _may_be_ours(pane_io, fleet, facts, environ)
    found = look(pane_io.tmux, settings, fleet, facts.pane_id, time.time())
    if found is None or found.client is None or not found.kind:
        raise Refusal(f"{facts.window}: expected a live client there, found {facts.command or 'nothing'}")
    if not found.session_id:
        raise Refusal(f"{facts.window}: its conversation has no name yet; it gets one with its first turn")
    place = _worktree(found, settings)
    notes = []
    objective = request.objective
    if not objective:
        objective = (last_submitted(kind_named(found.kind), transcript_of(found)) or "")[:LONGEST_OBJECTIVE]
        notes.append("its objective is the last message sent to it; --objective gives another")
    if not objective.strip():
        raise UsageProblem("no message was sent to it yet: give --objective TEXT")
    agent = _record(pane_io, found, place, replace(request, objective=objective))
    begin_spent(settings, found, time.time())
    after = Store(settings.state_file).update(lambda now: _added(now, agent), create=Fleet(tmux_session=facts.session))
    Journal(settings.journal_file).write(
        "adopted", id=agent.id, window=agent.window, pane_id=agent.pane_id, why="asked for"
    )
    notes += [note for note in (note_settled_threads(agent, after, settings),) if note]
    if request.steps or request.pr_number:
        notes.append(
            f"it does not know yet how to report: {spelled('send-agent')} {shell_word(agent.handle)} --task briefs it"
        )
    return AdoptResult(agent, tuple(notes))


def _may_be_ours(pane_io: PaneIO, fleet: Fleet | None, facts: PaneFacts, environ: Mapping[str, str]) -> None:
    if facts.pane_id == own_pane(environ, pane_io.server):
        raise Refusal(f"{facts.window} is the pane of this call: the supervisor is not one of its own agents")
    if fleet is not None and fleet.loop_pane_id == facts.pane_id and fleet.loop_tmux_server == pane_io.server:
        raise Refusal(f"{facts.window} is where the loop runs")
    known = agent_at(fleet, facts.pane_id, pane_io.server)
    if known is not None and known.state is not AgentState.RECYCLED:
        raise Refusal(f"{facts.window} is in the fleet already: {known.state}, {known.branch or known.worktree}")


def _worktree(found: Observation, settings: Settings) -> WorktreeFacts:
    """The client's worktree; Refusal if it is protected or has an agent."""
    window, folder = found.frame.facts.window, Path(found.client.cwd if found.client else "")
    top = Git(folder).maybe("rev-parse", "--show-toplevel") if folder.is_dir() else None
    if not top:
        raise Refusal(f"{window}: expected its client in a git worktree, found it in {folder}")
    all_of_them = [real_worktree(facts) for facts in worktrees(Path(top))]
    place = next((facts for facts in all_of_them if facts.path == os.path.realpath(top)), None)
    if place is None or place.branch is None:
        raise Refusal(f"{window}: expected its worktree {top} on a branch, found a detached HEAD")
    claims = claims_on(all_of_them, settings)
    if why := protected(place, claims):
        raise Refusal(f"{window}: nothing may be done to {top}: {why}")
    if place.path in claims.agents:
        raise Refusal(f"{window}: {top} has an agent already, in {claims.agents[place.path]}")
    return place


def _record(pane_io: PaneIO, found: Observation, place: WorktreeFacts, request: Request) -> Agent:
    now, branch = time.time(), place.branch or ""
    return Agent(
        window="",
        worktree=place.name,
        worktree_path=place.path,
        repository=recorded_remote(Git.in_worktree(place.path), branch),
        spare_branch=branch if spare_number(branch) is not None else "",
        branch=request.branch or branch,
        objective=request.objective.strip(),
        pr_number=request.pr_number,
        session_id=found.session_id,
        steps=request.steps,
        spawned_at=now,
        task=Task(started_at=now),
        last_seen_at=now,
        agent=found.kind,
        seen=LastLook(commit=head_commit(Path(place.path))),
    ).at(found.frame.facts, pane_io.server)


def _added(fleet: Fleet, agent: Agent) -> Fleet:
    """The fleet with it, unless another call was first: no pane, conversation or worktree has two working records."""
    for known in fleet.agents:
        if known.state is AgentState.RECYCLED:
            continue
        same_pane = known.pane_id == agent.pane_id and known.tmux_server == agent.tmux_server
        if same_pane or agent.session_id in (known.session_id, *known.session_ids):
            raise Refusal(f"{agent.called} is in the fleet already, as {known.window}")
        if os.path.realpath(known.worktree_path) == agent.worktree_path and known.worktree_path:
            raise Refusal(f"{agent.called}: {agent.worktree_path} has an agent already, in {known.window}")
    session = fleet.tmux_session or agent.window.rpartition(":")[0]
    return replace(fleet, tmux_session=session).with_agent(agent)
