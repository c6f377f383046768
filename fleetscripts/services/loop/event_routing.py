"""Maps a changed file or an ended process to the agent's pane that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fleetscripts.agents.live_files import process_of, session_of
from fleetscripts.core.planning.observation import Observation
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, Classification, PaneState, Source

TELL_BY_FILES = frozenset({Source.REGISTRY, Source.TRANSCRIPT, Source.HOOK})
"""Sources whose files change when a turn ends: while they report one in progress, the spinner need not be watched."""


@dataclass
class EventRoutes:
    """The agent's pane for each file or process, as of the last looks. Values are pane ids."""

    sessions: dict[str, str] = field(default_factory=dict)
    clients: dict[int, str] = field(default_factory=dict)
    nameless: set[str] = field(default_factory=set)
    """Panes whose agent's session is unknown yet: any new session may be theirs."""
    told_by_files: set[str] = field(default_factory=set)
    """Panes with a turn in progress whose end their files will report."""
    told_by_registry: set[str] = field(default_factory=set)
    """Those of them whose registry record will report it."""

    def enlist(self, agents: Iterable[Agent]) -> None:
        """Add what the records say."""
        known = [agent for agent in agents if agent.pane_id and agent.state is not AgentState.RECYCLED]
        panes = {agent.pane_id for agent in known}
        self.sessions = {session: pane for session, pane in self.sessions.items() if pane in panes}
        self.sessions |= {agent.session_id.lower(): agent.pane_id for agent in known if agent.session_id}
        self.clients = {pid: pane for pid, pane in self.clients.items() if pane in panes}
        self.nameless = {agent.pane_id for agent in known if not agent.session_id}
        self.told_by_files &= panes
        self.told_by_registry &= panes

    def learn(self, observed: Mapping[str, Observation]) -> None:
        """Add what one look says."""
        self.clients = {pid: pane for pid, pane in self.clients.items() if pane not in observed}
        for pane, seen in observed.items():
            if seen.client is not None and seen.client.pid:
                self.clients[seen.client.pid] = pane
            if seen.session_id:
                self.sessions[seen.session_id.lower()] = pane
            tells = by_files(seen.classification)
            for told, is_so in (
                (self.told_by_files, tells),
                (self.told_by_registry, tells and seen.classification.source is Source.REGISTRY),
            ):
                (told.add if is_so else told.discard)(pane)

    def of_file(self, path: str) -> tuple[str, ...]:
        """Panes affected by a change of this file."""
        if pid := process_of(path):
            return (self.clients[pid],) if pid in self.clients else ()
        session = session_of(path)
        if session in self.sessions:
            return (self.sessions[session],)
        return tuple(self.nameless) if session else ()


def by_files(found: Classification) -> bool:
    """Whether a turn is in progress whose end its files will report."""
    return found.state is PaneState.RUNNING and found.source in TELL_BY_FILES
