"""What one look at an agent's pane changes in its record. Nothing here counts what was done about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetscripts.core.completion import Checkpoint
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, Classification, PaneFacts, PaneState, ServerId

STATE_OF_PANE = {
    PaneState.STARTING: AgentState.RUNNING,
    PaneState.RUNNING: AgentState.RUNNING,
    PaneState.PROMPT: AgentState.RUNNING,
    PaneState.WAITING_APPROVAL: AgentState.WAITING_APPROVAL,
    PaneState.RATE_LIMITED: AgentState.RATE_LIMITED,
    PaneState.API_ERROR: AgentState.STUCK,
    PaneState.COMPLETE: AgentState.COMPLETE,
    PaneState.IDLE: AgentState.IDLE,
    PaneState.MISSING: AgentState.IDLE,
}
"""``unknown`` changes nothing: what was known last still is."""

JUDGED = frozenset({AgentState.PENDING_EVALUATION, AgentState.DONE, AgentState.RECYCLED})
"""States that only a verdict or a person ends, whatever the pane shows."""

AT_WORK = frozenset({PaneState.STARTING, PaneState.RUNNING})


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the classification and what else may tell of progress. ``commit`` empty: it could not be read."""

    classification: Classification
    facts: PaneFacts | None = None
    server: ServerId | None = None
    output_hash: str = ""
    checkpoints: tuple[Checkpoint, ...] = ()
    commit: str = ""
    session_id: str = ""
    excerpt: tuple[str, ...] = ()


def note(agent: Agent, seen: Seen, stalled_after_seconds: float, now: float, unwatched: bool = False) -> Agent:
    """The record after this look. ``unwatched``: nobody looked for so long that no waiting time may be counted."""
    if agent.state is AgentState.RECYCLED:
        return agent
    placed = agent if seen.facts is None else agent.at(seen.facts, seen.server)
    advanced = _advanced(placed, seen)
    timed = _timed(advanced, agent, seen, now, unwatched)
    return replace(timed, state=_state(timed, agent, seen, stalled_after_seconds, now))


def progressed(before: Agent, after: Agent) -> bool:
    """Whether a checkpoint or a commit came between."""
    committed = before.last_commit not in ("", after.last_commit)
    return committed or set(after.checkpoints) > set(before.checkpoints)


def _advanced(agent: Agent, seen: Seen) -> Agent:
    """Checkpoints of the present task, the newest commit and session; any progress sets the counts back."""
    reached = [mark.step for mark in seen.checkpoints if not mark.at or mark.at >= agent.task_started_at]
    sessions = agent.session_ids
    if seen.session_id and agent.session_id and seen.session_id != agent.session_id:
        sessions = tuple(dict.fromkeys((*sessions, agent.session_id)))
    after = replace(
        agent,
        checkpoints=tuple(dict.fromkeys((*agent.checkpoints, *reached))),
        last_commit=seen.commit or agent.last_commit,
        session_id=seen.session_id or agent.session_id,
        session_ids=sessions,
    )
    return replace(after, kicks=0, nudges=0, fruitless_rounds=0) if progressed(agent, after) else after


def _timed(agent: Agent, before: Agent, seen: Seen, now: float, unwatched: bool) -> Agent:
    """Since when the pane is as it is, and since when nothing on it has moved."""
    found = seen.classification
    dialog, error = found.dialog or "", found.error or ""
    same = (before.pane_state, before.dialog, before.error) == (found.state, dialog, error) and not unwatched
    moved = unwatched or not before.output_changed_at or seen.output_hash != before.last_output_hash
    changed_at = now if moved or before.output_changed_at > now else before.output_changed_at
    since = before.pane_state_since if same and 0 < before.pane_state_since <= now else now
    unknown = found.state is PaneState.UNKNOWN
    return replace(
        agent,
        pane_state=str(found.state),
        pane_reason=found.reason,
        pane_state_since=since,
        dialog=str(dialog),
        error=str(error),
        held_back=before.held_back if same else "",
        resets_at=found.resets_at or 0,
        unknown_since=since if unknown else 0,
        last_output_hash=seen.output_hash,
        output_changed_at=changed_at,
        idle_since=0 if found.state in AT_WORK else max(since, changed_at),
        last_seen_at=before.last_seen_at if found.state is PaneState.MISSING else now,
    )


def _state(agent: Agent, before: Agent, seen: Seen, stalled_after_seconds: float, now: float) -> AgentState:
    """The agent's state by its pane's; an escalation stands until there is progress or somebody lifts it."""
    found = seen.classification
    if agent.state in JUDGED or (agent.state is AgentState.ESCALATED and not progressed(before, agent)):
        return agent.state
    if found.state in (PaneState.PROMPT, PaneState.RUNNING) and stood_still(agent, found, now) >= stalled_after_seconds:
        return AgentState.STUCK
    return STATE_OF_PANE.get(found.state, AgentState.RUNNING if agent.state is AgentState.ESCALATED else agent.state)


def stood_still(agent: Agent, found: Classification, now: float) -> float:
    """Seconds for which neither the pane's state nor anything on its screen has changed."""
    if found.state is PaneState.RUNNING:
        return now - agent.output_changed_at
    return now - max(agent.pane_state_since, agent.output_changed_at)
