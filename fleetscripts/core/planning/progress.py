"""What one look at an agent's pane changes in its record. Actions are not counted here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.core.planning.memory_kills import memory_noted
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.rescue import PARKED, SOON_SECONDS, wake_at
from fleetscripts.core.records.redact import redact
from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.dataclass import replace
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, Classification, PaneState
from fleetscripts.record import RECYCLING, Hold, not_after

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
"""``unknown`` changes nothing: the last known state stays."""

JUDGED = frozenset({AgentState.PENDING_EVALUATION, AgentState.DONE, AgentState.RECYCLED})
"""States that only a verdict or a person ends, whatever the pane shows."""

AT_WORK = frozenset({PaneState.STARTING, PaneState.RUNNING})

DONE_BY_US = ("attempts", "verdict", "notices")
"""Parts whose times record actions; waiting is counted from them."""

LONGEST_SHOWN = 60
LONGEST_DENIED = 300
CLOCK_SLACK_SECONDS = 5.0
"""An action may be slightly later than the look being recorded."""

BACKGROUND_PATIENCE = 4
"""Multiple of the usual threshold while something still runs behind a prompt."""

LATE_SECONDS = 180.0
"""Grace for a client that is to continue by itself at a known time."""

SPENDS_SECONDS = 5 * 3600.0
"""A client says once that it continues beyond its subscription, and does so until the full window ends."""

WORK_SHARE = 0.02
"""Share of one core since the last look: an idle server that a client keeps uses less than a fifth of it, a compiler or
a test run far more."""


def note(agent: Agent, seen: Observation, stalled_after_seconds: float, now: float, unwatched: bool = False) -> Agent:
    """The record after this look. ``unwatched``: nobody looked for so long that no waiting time may be counted."""
    if agent.state is AgentState.RECYCLED:
        return agent
    agent = _clamp_future_times(agent, now)
    placed = agent.at(seen.facts, seen.server) if seen.exists else agent
    advanced = _advanced(placed, seen)
    timed = _timed(_released(advanced, seen, now), agent, seen, now, unwatched)
    return replace(timed, state=_state(timed, agent, seen, stalled_after_seconds, now))


def _clamp_future_times(agent: Agent, now: float) -> Agent:
    """Clamp times of actions ahead of the clock to now, as after the clock was set back."""
    latest = now + CLOCK_SLACK_SECONDS
    ahead: dict[str, Any] = {}
    for name in DONE_BY_US:
        part = getattr(agent, name)
        if (clamped := not_after(part, latest, now)) is not part:
            ahead[name] = clamped
    if agent.last_rebriefed_at > latest:
        ahead["last_rebriefed_at"] = now
    return replace(agent, **ahead) if ahead else agent


def spends(found: Classification) -> bool:
    """Whether its client says that it is being paid for beyond the subscription."""
    return any(piece.spends for piece in found.evidence)


def progressed(before: Agent, after: Agent) -> bool:
    """Whether there was a new checkpoint or commit."""
    committed = before.seen.commit not in ("", after.seen.commit)
    return committed or set(after.checkpoints) > set(before.checkpoints)


def _advanced(agent: Agent, seen: Observation) -> Agent:
    """Checkpoints of the present task, newest commit and session; any progress resets the counts."""
    reached = [mark.step for mark in seen.checkpoints if not mark.at or mark.at >= agent.task.started_at]
    sessions = agent.session_ids
    if seen.session_id and agent.session_id and seen.session_id != agent.session_id:
        sessions = tuple(dict.fromkeys((*sessions, agent.session_id)))
    after = agent.changed(
        checkpoints=tuple(dict.fromkeys((*agent.checkpoints, *reached))),
        seen={
            "commit": seen.commit or agent.seen.commit,
            "said": seen.said or agent.seen.said,
            "shown": _shown(agent, seen),
            "github_limited_at": max(agent.seen.github_limited_at, seen.github_limited_at),
        },
        session_id=seen.session_id or agent.session_id,
        session_ids=sessions,
    )
    if not progressed(agent, after):
        return after
    return replace(after, attempts=after.attempts.after_progress())


def _shown(agent: Agent, seen: Observation) -> Mapping[str, Any] | None:
    """Display only; agents can write the client's files, so each is one short line without secrets."""
    found = {name: fit(sanitize(redact(text)), LONGEST_SHOWN) for name, text in seen.shown.items()}
    return {**(agent.seen.shown or {}), **found} or None


def _released(agent: Agent, seen: Observation, now: float) -> Agent:
    """An agent that a person stopped stays paused until it works again, on any message. At a cap only its current turn
    may end, and a turn in progress does not undo a recycling."""
    works = seen.classification.state is PaneState.RUNNING and now > agent.hold.since
    lasts = agent.hold.cap or agent.hold.reason in ("", RECYCLING)
    return replace(agent, hold=Hold()) if works and not lasts else agent


def _timed(agent: Agent, before: Agent, seen: Observation, now: float, unwatched: bool) -> Agent:
    """Since when the pane is in its state, and since when nothing on it has changed."""
    found = seen.classification
    dialog, error = found.dialog or "", found.error or ""
    last = before.seen
    same = (last.pane_state, last.dialog, last.error) == (found.state, dialog, error) and not unwatched
    moved = unwatched or not before.seen.output_changed_at or seen.output_hash != before.last_output_hash
    changed_at = now if moved or before.seen.output_changed_at > now else before.seen.output_changed_at
    since = before.seen.since if same and 0 < before.seen.since <= now else now
    unknown = found.state is PaneState.UNKNOWN
    memory, notices = memory_noted(before, seen, now)
    return agent.changed(
        seen={
            "pane_state": str(found.state),
            "reason": found.reason,
            "since": since,
            "dialog": str(dialog),
            "error": str(error),
            "resets_at": found.resets_at or 0,
            "wakes_at": seen.wakes_at,
            "denied": fit(sanitize(redact(seen.denied)), LONGEST_DENIED),
            "spends_until": now + SPENDS_SECONDS if spends(found) else before.seen.spends_until,
            "unknown_since": since if unknown else 0,
            "output_changed_at": changed_at,
            **_work(before, seen, now, unwatched),
            **memory,
        },
        notices=notices,
        attempts={
            "refusal": before.attempts.refusal if same else "",
            **({} if same else {"obstacle": "", "obstacle_since": 0, "obstacle_at": 0}),
            "wakes": 0 if _is_new_limit(found, now) else agent.attempts.wakes,
        },
        rescue={
            "parked_until": _parked_until(before, found, now),
            "stage": "" if found.state is PaneState.RUNNING else agent.rescue.stage,
        },
        last_output_hash=seen.output_hash,
        idle_since=0 if found.state in AT_WORK else max(since, changed_at),
        last_seen_at=before.last_seen_at if found.state is PaneState.MISSING else now,
    )


def _parked_until(before: Agent, found: Classification, now: float) -> float:
    if found.state is PaneState.RATE_LIMITED:
        return wake_at(before, found, now)
    put_back = before.rescue.stage == PARKED and found.state is not PaneState.RUNNING
    return before.rescue.parked_until if put_back else 0


def _is_new_limit(found: Classification, now: float) -> bool:
    """Whether its reset is too far ahead for it to be the limit that was last tried."""
    return found.state is PaneState.RATE_LIMITED and (found.resets_at or 0) > now + SOON_SECONDS


def _state(agent: Agent, before: Agent, seen: Observation, stalled_after_seconds: float, now: float) -> AgentState:
    """The agent's state by its pane's; an escalation stays until there is progress or somebody lifts it."""
    found = seen.classification
    if agent.state in JUDGED or (agent.state is AgentState.ESCALATED and not progressed(before, agent)):
        return agent.state
    if found.state is PaneState.PROMPT and agent.rescue.stage == PARKED:
        return AgentState.RATE_LIMITED
    if found.state is PaneState.PROMPT and waits_by_itself(agent, now):
        return AgentState.RUNNING
    if found.state in (PaneState.PROMPT, PaneState.RUNNING) and not moving(agent, found, stalled_after_seconds, now):
        return AgentState.STUCK
    return STATE_OF_PANE.get(found.state, AgentState.RUNNING if agent.state is AgentState.ESCALATED else agent.state)


def _work(before: Agent, seen: Observation, now: float, unwatched: bool) -> dict[str, Any]:
    """Since when nothing that the client started has begun, ended or used a processor, and what that is measured by."""
    work = seen.work
    if work is None:
        return {"worked_at": min(before.seen.worked_at, now), "tool_processes": "", "tool_cpu_seconds": 0}
    burned = work.cpu_seconds - before.seen.tool_cpu_seconds >= WORK_SHARE * max(now - before.last_seen_at, 1)
    moved = unwatched or work.processes != before.seen.tool_processes or burned or before.seen.worked_at > now
    return {
        "worked_at": now if moved else before.seen.worked_at,
        "tool_processes": work.processes,
        "tool_cpu_seconds": work.cpu_seconds,
    }


def waits_by_itself(agent: Agent, now: float) -> bool:
    """Whether it has scheduled to continue by itself at a time that is ahead or just reached."""
    return now < agent.seen.wakes_at + LATE_SECONDS


def moving(agent: Agent, found: Classification, threshold_seconds: float, now: float) -> bool:
    """Whether an agent at work or at its prompt needs more time: something changed within the threshold. What runs
    behind a prompt lengthens the threshold, but not without end: a server may run for ever."""
    patience = BACKGROUND_PATIENCE if works_behind(agent, found, threshold_seconds, now) else 1
    return stood_still(agent, found, now) < threshold_seconds * patience


def works_behind(agent: Agent, found: Classification, threshold_seconds: float, now: float) -> bool:
    """Whether something still runs behind the prompt, by the client's word or by its processes."""
    at_prompt = found.state is PaneState.PROMPT
    return at_prompt and (found.background or now - agent.seen.worked_at < threshold_seconds)


def stood_still(agent: Agent, found: Classification, now: float) -> float:
    """Seconds without a change of its screen and transcript; in a turn also of its tools' processes."""
    if found.state is PaneState.RUNNING:
        return now - max(agent.seen.output_changed_at, agent.seen.worked_at)
    return now - max(agent.seen.since, agent.seen.output_changed_at)
