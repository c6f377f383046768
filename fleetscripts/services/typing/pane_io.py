"""What typing into a pane needs: the server, an observation, the journal, and a lock for one sender at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.tmux.guard import Guard
from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.agents.kinds import AgentKind
from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.screen.screen import Screen
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import Frame, PaneFacts, ServerId
from fleetscripts.services.observe.agent_meant import agent_meant
from fleetscripts.services.observe.agent_pane import pane_meant, taken_over
from fleetscripts.services.observe.observe import look
from fleetscripts.services.observe.servers import refuse_unseen

TURN_SECONDS = 120.0
"""How long a sender waits for the one before it in the same pane: a delivery with all its waits takes at most 60 s."""
PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class PaneIO:
    """One command's tools for one tmux server."""

    tmux: Tmux
    server: ServerId
    settings: Settings
    journal: Journal
    look: Callable[[str], Observation | None]
    """Observe a pane; None if there is none."""

    def look_at(self, agent: Agent) -> Observation | None:
        """Observe the agent's pane; None if it has none on this server."""
        pane_id = agent.pane_on(self.server)
        return self.look(pane_id) if pane_id else None

    def require_look(self, pane_id: str) -> Observation:
        """Observe a pane; Refusal if there is none."""
        observation = self.look(pane_id)
        if observation is None:
            raise Refusal(f"{pane_id}: no such pane")
        return observation

    @contextmanager
    def turn(self, pane_id: str) -> Iterator[None]:
        """Lock the pane: nobody else types into it meanwhile."""
        name = f"pane-{self.server.pid}-{self.server.start_time}-{pane_id.removeprefix('%')}.lock"
        with hold(self.settings.locks / name, TURN_SECONDS):
            yield

    def screen(self, pane_id: str) -> Frame:
        """The pane's facts and styled screen now."""
        frame = self.tmux.read(pane_id, styled=True)
        if frame is None:
            raise FleetError(f"pane {pane_id} is gone")
        return frame

    def guard(self, frame: Frame, kind: AgentKind) -> Guard:
        """Only while this client is in the foreground and the cursor has not moved since this frame."""
        facts = frame.facts
        commands = (facts.command,) if facts.command in kind.commands else ()
        return Guard(self.server, facts.pane_id, facts.pid, commands, (facts.cursor_x, facts.cursor_y))


def open_pane_io(settings: Settings, fleet: Fleet | None, tmux: Tmux | None = None) -> PaneIO:
    """The panes of the settings' server; raises NoServer if none runs, Refusal if the fleet's own is still alive."""
    server_of = tmux or Tmux(settings.tmux_socket)

    def seen_in(pane_id: str) -> Observation | None:
        seen = look(server_of, settings, fleet, pane_id, time.time())
        if seen is None or seen.kind:
            return seen
        agent = fleet.agent_for(pane_id) if fleet is not None else None
        return replace(seen, kind=agent.agent if agent is not None else DEFAULT_KIND)

    try:
        server = server_of.require_server()
    except NoServer:
        for agent in fleet.agents if fleet is not None else ():
            refuse_unseen(agent, server_of)
        if fleet is not None and not all(agent.finished or not agent.pane_id for agent in fleet.agents):
            raise NoServer(
                f"the agents' tmux server is gone: {spelled('restore-agent')} --all brings them back"
            ) from None
        raise
    journal = Journal(settings.journal_file, fleet.ids_on(server) if fleet is not None else None)
    return PaneIO(server_of, server, settings, journal, seen_in)


def pane_named(pane_io: PaneIO, fleet: Fleet | None, target: str) -> PaneFacts:
    """The pane meant by a window, a pane id, a window id or a worktree's name."""
    facts = pane_meant(pane_io.tmux, pane_io.settings, fleet, pane_io.server, target)
    if facts is None:
        agent = agent_meant(pane_io.settings, fleet, target) if fleet is not None else None
        if agent is not None:
            refuse_unseen(agent, pane_io.tmux)
            if why := taken_over(pane_io.tmux, agent, target):
                raise Refusal(why)
        raise FleetError(
            f"no such window: {target!r}; {spelled('status')} lists the agents, tmux list-windows -a all windows"
        )
    return facts


def excerpt(frame: Frame, lines: int = 6, columns: int = 100) -> str:
    """The screen's last lines as one line, for an error."""
    texts = [line.strip()[:columns] for line in Screen.of(frame.lines).texts if line.strip(" ─")]
    return " / ".join(texts[-lines:])


def wait_for(what: Callable[[], bool], seconds: float) -> bool:
    """Poll until it is true, at most this long; returns the last answer."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() >= deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True
