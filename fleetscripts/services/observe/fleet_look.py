"""Observes every agent of the fleet: its pane classified, its output hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from fleetscripts.adapters.git.head import head_commit
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.dataclass import replace
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Classification, PaneState, ServerId
from fleetscripts.services.observe.agent_pane import agents_by_pane, pane_ids
from fleetscripts.services.observe.observe import observe_frames, processes_for, unreadable
from fleetscripts.services.observe.panes_begun import PanesBegun, begin_panes, looked_at
from fleetscripts.services.observe.readings import KeptReadings, digest_above
from fleetscripts.services.observe.servers import unseen


def look_at(
    fleet: Fleet,
    settings: Settings,
    now: float,
    only: Collection[str] | None = None,
    begun: PanesBegun | None = None,
) -> list[tuple[Agent, Observation]]:
    """Every agent that is not recycled, or those with the panes in ``only``, with its pane's observation. One tmux
    process for all of them, three where a pane has to be found by its window. ``begun``: tmux reads them already."""
    agents = looked_at(fleet, only)
    if not agents:
        return []
    tmux = Tmux(settings.tmux_socket)
    known = [agent.pane_id for agent in agents]
    if begun is None or begun.pane_ids != known:
        begun = begin_panes(tmux.client, known)
    readings, running = KeptReadings(settings.fleet_home, now), processes_for(len(known))
    commits = [head_commit(Path(agent.worktree_path)) if agent.worktree_path else "" for agent in agents]
    frames, server = begun.answer() if begun is not None else ([], tmux.server())
    panes = pane_ids(agents, tmux, server)
    frames = frames if begun is not None else tmux.read_all(list(panes.values()), styled=True)
    wanted = frozenset(panes.values())
    theirs = [frame for frame in frames if frame.facts.pane_id in wanted]
    observed = observe_frames(theirs, settings, agents_by_pane(fleet, server), readings, now, running)
    if only is None:
        readings.keep()
    by_pane = {observation.facts.pane_id: observation for observation in observed}
    return [
        (agent, _seen(agent, by_pane.get(panes.get(agent.key, "")), server, commit))
        for agent, commit in zip(agents, commits, strict=True)
    ]


def _seen(agent: Agent, observation: Observation | None, server: ServerId | None, commit: str) -> Observation:
    """With facts for the fleet's agents only; unknown if this agent has made them unreadable."""
    try:
        return seen_of(agent, observation, server, commit)
    except Exception as error:  # noqa: BLE001 - what one agent wrote must not end the look at the others
        return Observation(unreadable(error), output_hash=agent.last_output_hash)


def seen_of(agent: Agent, observation: Observation | None, server: ServerId | None, commit: str) -> Observation:
    """The agent's pane with facts for the fleet's agents only; None for a missing pane."""
    if observation is None:
        if why := unseen(agent, server):
            elsewhere = Classification(PaneState.UNKNOWN, why)
            return Observation(elsewhere, output_hash=agent.last_output_hash, commit=commit)
        reason = "no tmux server runs" if server is None else "its pane is gone"
        missing = Classification(PaneState.MISSING, reason)
        return Observation(missing, server=server, output_hash=agent.last_output_hash, commit=commit)
    return replace(observation, server=server, output_hash=output_hash(observation), commit=commit)


def output_hash(observation: Observation) -> str:
    """A hash of the agent's output: its screen above the input box (a status line below has a clock of its own), its
    last words, and the size of its transcript and its sub-agents'."""
    reading = observation.reading
    above = digest_above(observation.texts, None) if reading is None else reading.above
    said = [message.text for message in observation.messages[-1:]]
    written = str(conversation_bytes(Path(observation.transcript))) if observation.transcript is not None else ""
    text = "\n".join((above, *said, written))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def conversation_bytes(transcript: Path) -> int:
    """Bytes in a conversation's file and its sub-agents', which grow while the main one waits for them."""
    total = 0
    for part in (transcript, *(transcript.with_suffix("") / "subagents").glob("*.jsonl")):
        try:
            total += part.stat().st_size
        except OSError:  # gone meanwhile, or not there yet
            continue
    return total
