"""One cycle, one straight road: observe, classify, plan, record. It types nothing and counts nothing as done."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.head import head_commit
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.planning.attention import of_the_past
from fleetscripts.core.planning.plan import plan
from fleetscripts.core.planning.policy import Limits
from fleetscripts.core.planning.progress import Seen, note
from fleetscripts.core.records.redact import redact, redact_lines
from fleetscripts.core.reports.state_lines import last_words, untold
from fleetscripts.core.screen.screen import Screen
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, AgentState, Classification, PaneState, ServerId
from fleetscripts.services.accounts.prospects import note_walls, prospects_of
from fleetscripts.services.delivery.desk import box_in
from fleetscripts.services.sight.observe import Observation, observe

EXCERPT_LINES = 30
"""What a decision shows of the screen; more only when somebody asks."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one cycle found, as recorded, and what it proposes. ``moved``: something changed since the last one.

    ``observed``: the panes as they were seen, by id. ``at``: the time for which the actions were proposed."""

    fleet: Fleet
    looks: tuple[tuple[Agent, Seen], ...]
    actions: tuple[Action, ...]
    moved: bool
    observed: Mapping[str, Observation] = field(default_factory=dict)
    at: float = 0


def run_cycle(
    store: Store,
    settings: Settings,
    now: float,
    orchestrator_looks: bool = False,
    panes: Collection[str] | None = None,
    slept: bool = False,
) -> Cycle:
    """Look at every agent once, record what was seen in one write, and propose.

    ``panes``: only at the agents that have these. ``slept``: nobody watched until now, whatever the record says."""
    before = store.read()
    looks, observed = look_at(before, settings, now, panes)
    limits = limits_of(settings)
    unwatched = slept or not 0 <= now - before.last_poll_at <= longest_gap(settings)

    told: list[dict[str, Any]] = []

    def record(fleet: Fleet) -> Fleet:
        for agent, seen in looks:
            known = fleet.current(agent)
            if known is not None and _still_of(known, agent):
                noted = note(known, seen, limits.idle_threshold_seconds, now, unwatched)
                nothing_new = panes is not None and replace(noted, last_seen_at=known.last_seen_at) == known
                fleet = fleet if nothing_new else fleet.exchange(known, noted)
        fleet = of_the_past(fleet, now)
        if orchestrator_looks:
            fleet = replace(fleet, orchestrator_seen_at=now, orchestrator_called_at=0)
        fleet, told[:] = untold(fleet)
        return replace(fleet, last_poll_at=now) if panes is None else fleet

    after = store.update(record)
    journal = Journal(settings.journal_file)
    for line in told:
        journal.write("state", **line)
    pairs = [(looked_at, after.current(looked_at), seen) for looked_at, seen in looks]
    recorded = tuple(
        (known, seen)
        for looked_at, known, seen in pairs
        if known is not None and known.task_started_at == looked_at.task_started_at
    )
    note_walls(settings, recorded, now)
    prospects = prospects_of(settings, after, recorded, now)
    return Cycle(after, recorded, tuple(plan(recorded, limits, now, prospects)), _moved(before, after), observed, now)


def _still_of(known: Agent, looked_at: Agent) -> bool:
    """Whether a look still tells of this record: somebody may have moved it, or given it a task or another
    conversation, meanwhile."""

    def about(agent: Agent) -> tuple[object, ...]:
        return agent.pane_id, agent.window, agent.task_started_at, agent.session_id, agent.agent

    return about(known) == about(looked_at)


def limits_of(settings: Settings) -> Limits:
    """The thresholds in force."""
    return Limits(
        idle_threshold_seconds=settings.idle_threshold_seconds,
        nudge_cooldown_seconds=settings.nudge_cooldown_seconds,
        verify_pause_seconds=settings.poll_interval_seconds,
        retry_pause_seconds=settings.retry_pause_seconds,
        nudges=settings.supervision == "active",
    )


def longest_gap(settings: Settings) -> float:
    """Seconds between two looks that still count as watching: longer, and the machine slept or nobody looked."""
    return max(4 * settings.idle_threshold_seconds, 2 * settings.poll_idle_max_seconds)


def look_at(
    fleet: Fleet, settings: Settings, now: float, only: Collection[str] | None = None
) -> tuple[list[tuple[Agent, Seen]], dict[str, Observation]]:
    """Every agent that is not recycled, or those with the panes in ``only``, with what its pane shows.

    At most three tmux processes for all of them."""
    agents = [agent for agent in fleet.agents if agent.state is not AgentState.RECYCLED]
    agents = [agent for agent in agents if only is None or agent.pane_id in only]
    if not agents:
        return [], {}
    tmux = Tmux(settings.tmux_socket)
    server = tmux.server()
    panes = pane_ids(agents, tmux, server)
    wanted = list(dict.fromkeys(panes.values()))
    observed = observe(tmux, settings, fleet, now, wanted, server=server) if wanted else []
    by_pane = {observation.frame.facts.pane_id: observation for observation in observed}
    return [(agent, seen_of(agent, by_pane.get(panes.get(agent.key, "")), server)) for agent in agents], by_pane


def pane_ids(agents: Sequence[Agent], tmux: Tmux, server: ServerId | None) -> Mapping[tuple[str, float], str]:
    """Pane ids by agent: those that this server gave, and for records without any the pane of their window."""
    if server is None:
        return {}
    own = {agent.key: agent.pane_on(server) for agent in agents}
    by_window: dict[str, str] = {}
    if any(not agent.pane_id for agent in agents):
        by_window = {pane.window: pane.pane_id for pane in reversed(tmux.panes())}
    found = {agent.key: own[agent.key] or ("" if agent.pane_id else by_window.get(agent.window)) for agent in agents}
    return {key: pane_id for key, pane_id in found.items() if pane_id}


def seen_of(agent: Agent, observation: Observation | None, server: ServerId | None) -> Seen:
    """One observation as the plan needs it; None is a pane that is gone."""
    commit = head_commit(Path(agent.worktree_path)) if agent.worktree_path else ""
    if observation is None:
        reason = "no tmux server runs" if server is None else "its pane is gone"
        return Seen(Classification(PaneState.MISSING, reason), output_hash=agent.last_output_hash, commit=commit)
    return Seen(
        classification=observation.classification,
        facts=observation.frame.facts,
        server=server,
        output_hash=output_hash(observation),
        checkpoints=observation.checkpoints,
        commit=commit,
        session_id=observation.session_id or "",
        excerpt=excerpt(observation),
        said=last_words(redact(observation.messages[-1].text)) if observation.messages else "",
        work=observation.work,
        github_limited_at=observation.github_limited_at,
    )


def output_hash(observation: Observation) -> str:
    """What the agent has put out: its screen above the input box (a status line below has a clock of its own), its
    last words, and how long its transcript and those of its sub-agents are."""
    frame = observation.frame
    lines = Screen.of(frame.lines).texts
    box = box_in(frame, observation.kind) if observation.kind is not None else None
    above = lines if box is None else lines[: box.top]
    said = [message.text for message in observation.messages[-1:]]
    written = str(conversation_bytes(observation.transcript)) if observation.transcript is not None else ""
    text = "\n".join(line.rstrip() for line in (*above, *said, written))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def conversation_bytes(transcript: Path) -> int:
    """Bytes in a conversation's file and in those of its sub-agents, which grow while the main one waits for them."""
    total = 0
    for part in (transcript, *(transcript.with_suffix("") / "subagents").glob("*.jsonl")):
        try:
            total += part.stat().st_size
        except OSError:  # gone meanwhile, or not there yet
            continue
    return total


def excerpt(observation: Observation) -> tuple[str, ...]:
    """The last lines on the screen, secrets masked, without what it says of remaining context."""
    lines = [line for line in redact_lines(Screen.of(observation.frame.lines).texts) if line.strip(" ─\xa0")]
    return tuple(lines[-EXCERPT_LINES:])


def _moved(before: Fleet, after: Fleet) -> bool:
    """Whether any agent's screen, state or number changed."""

    def picture(fleet: Fleet) -> list[tuple[object, ...]]:
        return [(agent.key, agent.state, agent.pane_state, agent.last_output_hash) for agent in fleet.agents]

    return picture(before) != picture(after)
