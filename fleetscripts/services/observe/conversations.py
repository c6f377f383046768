"""Conversations that are open in any terminal: a second client on one would silently corrupt it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fleetscripts.adapters.system import processes
from fleetscripts.adapters.system.processes import ProcessTable, read_processes
from fleetscripts.agents.kinds import AgentKind, Places, known_kinds
from fleetscripts.agents.session_view import BackgroundSession
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Client, PaneFacts
from fleetscripts.services.observe.clients import tells_places
from fleetscripts.services.observe.user_services import below_services, is_service


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """A live client and its conversation. ``pane`` None: it runs outside the fleet's tmux server."""

    session_id: str
    kind: str
    pid: int
    pane: PaneFacts | None = None
    behind: BackgroundSession | None = None
    """The service's record of it, if a service holds it without a terminal."""

    @property
    def at_rest_behind(self) -> bool:
        """Whether only a service holds it, with no turn in progress."""
        return self.pane is None and self.behind is not None and not self.behind.busy

    @property
    def place(self) -> str:
        """Where it runs, in words."""
        if self.pane is not None:
            return self.pane.window
        where = "a terminal outside this tmux" if self.behind is None else "the background, where it is at work"
        return f"{where} ({self.kind}, pid {self.pid})"


def open_conversations(settings: Settings, panes: Sequence[PaneFacts], now: float) -> Mapping[str, OpenConversation]:
    """Every conversation that some client of ours has open, by its id."""
    table, kinds = read_processes(), known_kinds()
    held = below_services(table)
    by_pid = {pane.pid: pane for pane in panes if not pane.dead}
    found: dict[str, OpenConversation] = {}
    for process in table.by_pid.values():
        argv = processes.arguments(process)
        kind = next((kind for kind in kinds if kind.is_client(process.command, argv)), None)
        if kind is None or process.status.startswith("Z"):
            continue
        behind = kind.held_in_background(process.pid) if process.pid in held else None
        client = Client(
            pid=process.pid,
            started_at=processes.started_at(process, now),
            start_ticks=process.start_ticks,
            cwd=processes.working_directory(process.pid),
            environment=processes.environment(process.pid, tells_places()),
        )
        places = settings.places_of(kind.name)
        open_there = (behind.session_id,) if behind else _conversations_of(kind, client, places, argv, now)
        for session_id in filter(None, open_there):
            pane = _pane_above(table, process.pid, by_pid)
            if session_id not in found or (pane is not None and found[session_id].pane is None):
                found[session_id] = OpenConversation(session_id, kind.name, process.pid, pane, behind)
    return found


def _conversations_of(
    kind: AgentKind, client: Client, places: Places, argv: Sequence[str], now: float
) -> tuple[str, ...]:
    """The client's own answer; for one that has just started, from its command line."""
    said = kind.look(client, places, now).session_id
    return (said,) if said else tuple(word for word in argv if re.fullmatch(kind.session_id, word))


def _pane_above(table: ProcessTable, pid: int, panes: Mapping[int, PaneFacts]) -> PaneFacts | None:
    """The pane of this process or of an ancestor; none for what a service of all sessions holds."""
    seen: set[int] = set()
    while pid not in panes:
        process = table.by_pid.get(pid)
        if process is None or pid in seen or is_service(process):
            return None
        seen.add(pid)
        pid = process.parent
    return panes[pid]
