"""Observes panes: asks every source and combines the answers. One process listing in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.system.client_end import client_end
from fleetscripts.adapters.system.memory_scope import scope_of
from fleetscripts.adapters.system.processes import ProcessTable, read_processes, read_trees
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents import KINDS
from fleetscripts.agents.kinds import AgentKind, kind_named, known_kinds
from fleetscripts.agents.session_view import SessionView
from fleetscripts.config import Settings
from fleetscripts.core.planning.classify import classify
from fleetscripts.core.planning.observation import Observation
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import (
    Classification,
    Client,
    DialogKind,
    Evidence,
    Frame,
    PaneState,
    ServerId,
    Source,
)  # fmt: skip
from fleetscripts.services.observe.agent_pane import agents_by_pane
from fleetscripts.services.observe.clients import PaneClient, find_client
from fleetscripts.services.observe.kept_frames import keep_when_sources_disagree
from fleetscripts.services.observe.readings import Readings

MOST_SAID = 120
"""Characters of an error in a reason."""

FEW_PANES = 20
"""For up to so many, the processes below them are cheaper to find than all of the machine."""


def observe(
    tmux: Tmux,
    settings: Settings,
    fleet: Fleet | None,
    now: float,
    pane_ids: Sequence[str] | None = None,
    styled: bool = True,
    server: ServerId | None = None,
) -> list[Observation]:
    """Every pane of the server, or those named; one that is gone is left out. ``server``: when it is known already."""
    frames = tmux.read_all(pane_ids, styled)
    named = fleet is not None and any(agent.pane_id for agent in fleet.agents)
    server = server or (tmux.server() if named and frames else None)
    readings = Readings(settings.fleet_home, now)
    return observe_frames(frames, settings, agents_by_pane(fleet, server), readings, now, processes_for(len(frames)))


def processes_for(panes: int) -> ProcessTable | None:
    """All processes, where there are so many panes that this is cheaper than to follow each."""
    return read_processes() if panes > FEW_PANES else None


def observe_frames(
    frames: Sequence[Frame],
    settings: Settings,
    agents: Mapping[str, Agent],
    readings: Readings,
    now: float,
    running: ProcessTable | None = None,
) -> list[Observation]:
    """Panes whose screens have just been taken. ``agents``: by pane. ``readings``: what reads the screens. ``running``:
    the processes, listed at the same time."""
    if not frames:
        return []
    table = running or read_trees(frame.facts.pid for frame in frames)
    kinds = known_kinds()
    observer = _Observer(settings, readings, now)
    return [observer.whatever_stands_there(frame, table, kinds, agents.get(frame.facts.pane_id)) for frame in frames]


def look(tmux: Tmux, settings: Settings, fleet: Fleet | None, pane_id: str, now: float) -> Observation | None:
    """One pane; None if it does not exist."""
    found = observe(tmux, settings, fleet, now, [pane_id])
    return found[0] if found else None


def unreadable(error: Exception) -> Classification:
    """The observation of a pane whose evidence could not be read."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return Classification(PaneState.UNKNOWN, f"its evidence cannot be read ({said[:MOST_SAID]})")


def transcript_of(seen: Observation) -> Path | None:
    """Its conversation's file, for reading."""
    return None if seen.transcript is None else Path(seen.transcript)


@dataclass(frozen=True, slots=True)
class _Observer:
    settings: Settings
    readings: Readings
    now: float

    def whatever_stands_there(
        self, frame: Frame, table: ProcessTable, kinds: Sequence[AgentKind], agent: Agent | None
    ) -> Observation:
        """The combined evidence on one pane; unknown if an agent has made a source unreadable."""
        try:
            return self.of(frame, find_client(table, frame.facts, kinds, self.now), agent)
        except Exception as error:  # noqa: BLE001 - what one agent wrote must not end the look at the others
            return Observation(unreadable(error), frame, _kind_of(agent))

    def of(self, frame: Frame, found: PaneClient, agent: Agent | None) -> Observation:
        """Combine the evidence of all sources on one pane."""
        view = self._view(found, agent)
        screen, reading = self.readings.read(frame, found.kind.name if found.kind else "auto")
        pieces = (*found.evidence, *view.evidence, *another_shown(frame, view), *reading.evidence)
        answer = classify(frame.facts, pieces, self.now)
        keep_when_sources_disagree(self.settings.fleet_home, frame, answer)
        return Observation(
            frame=frame,
            classification=answer,
            kind=found.kind.name if found.kind else _kind_of(agent),
            client=found.client,
            session_id=view.session_id or "",
            transcript=view.transcript,
            checkpoints=view.checkpoints,
            messages=view.messages,
            shown=view.shown,
            denied=view.denied,
            github_limited_at=view.github_limited_at,
            wakes_at=view.wakes_at,
            screen=screen,
            reading=reading,
            work=found.work,
            scope=scope_of(frame.facts.pid),
            ended=client_end(frame.facts, agent) if found.client is None else None,
        )

    def _view(self, found: PaneClient, agent: Agent | None) -> SessionView:
        """The session's files; those of an agent whose client has ended hold its last words."""
        hint = agent.session_id if agent and agent.session_id else None
        if found.kind is not None and found.client is not None:
            return found.kind.look(found.client, self.settings.places_of(found.kind.name), self.now, hint)
        kind = _kind_of(agent)
        if agent is None or not kind or hint is None:
            return SessionView(session_id=hint)
        ended = Client(pid=0, started_at=0.0, cwd=agent.worktree_path)
        return kind_named(kind).look(ended, self.settings.places_of(kind), self.now, hint)


def another_shown(frame: Frame, view: SessionView) -> tuple[Evidence, ...]:
    """What is in the pane if its title shows another conversation: nothing is typed there."""
    if not view.shown_as or frame.facts.title.endswith(view.shown_as):
        return ()
    shown, behind = frame.facts.title[:MOST_SAID], view.shown_as[:MOST_SAID]
    said = f"the pane shows {shown!r}, and the agent's own conversation {behind!r} runs in the background"
    return (Evidence(Source.SCREEN, PaneState.WAITING_APPROVAL, said, dialog=DialogKind.VIEW, rule="another-shown"),)


def _kind_of(agent: Agent | None) -> str:
    """The kind in the state file; empty for one that this version does not know."""
    return agent.agent if agent is not None and agent.agent in KINDS else ""
