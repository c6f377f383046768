"""The live view of status: redrawn when state file or journal change, and every second for the ages."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.system.file_events import FileEvents
from fleetscripts.adapters.system.terminal_keys import Bell, single_keys, wait_for_keys
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.history_text import sentence, told
from fleetscripts.core.reports.journal_story import at_of, stories
from fleetscripts.core.reports.status_text import COLOURS, HELD, age, by_urgency, in_order
from fleetscripts.core.reports.watch_view import Model, Piece, View, moved, screen, settled, table_rows
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, PaneFacts
from fleetscripts.services.context import load_fleet
from fleetscripts.services.hosts.mirrors import MIRROR_FILES, mirror_folders
from fleetscripts.services.own_pane import TerminalPlace, terminal_place
from fleetscripts.services.reports.live_screen import LiveScreen
from fleetscripts.services.reports.status import LINKED, FleetStatus, fleet_status

TICK_SECONDS = 1.0
LEAST_SECONDS = 0.15
"""Between two readings, however often the files change."""
MOST_SECONDS = 5.0
"""Between two readings without events: panes may end without a file change."""
JOURNAL_BYTES = 400_000
PAGE = 10

MOVES = {"down": 1, "up": -1, "page down": PAGE, "page up": -PAGE, "first": -(10**6), "last": 10**6}


@dataclass
class StatusWatch:
    """One live view on one terminal."""

    environ: Mapping[str, str]
    options: Mapping[str, object]
    screen: LiveScreen
    bell: Bell = field(default_factory=Bell)
    view: View = field(default_factory=View)
    message: str = ""
    status: FleetStatus | None = None
    settings: Settings | None = None
    _problem: str = ""
    _told: tuple[float, object, tuple[str, ...]] = (0, None, ())
    _read_at: float = 0
    _files: frozenset[str] = frozenset()

    def run(self) -> None:
        """Run until q is pressed."""
        settings, _ = load_fleet(self.environ, self.options)
        self._files = frozenset({settings.state_file.name, settings.journal_file.name, *MIRROR_FILES})
        events = FileEvents(self._changed)
        folders = {settings.state_file.resolve().parent, settings.journal_file.parent, *mirror_folders(settings)}
        self.message = events.watch(folders)
        try:
            with single_keys(self.bell), self.screen.shown():
                while True:
                    self._read_again()
                    self.screen.draw(self.picture())
                    for key in wait_for_keys(self.bell, TICK_SECONDS):
                        if key == "quit":
                            return
                        if key == "enter":
                            self._enter()
                        else:
                            self.message = ""
                            self.view = moved(self.view, self.agents, MOVES[key])
        finally:
            events.close()
            self.bell.close()

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents shown, as by ``in_order``."""
        if self.status is None:
            return ()
        return in_order((*self.status.fleet.agents, *(known.agent for known in self.status.on_hosts())))

    def picture(self) -> list[list[Piece]]:
        """The screen as it is now."""
        columns, height = os.get_terminal_size(sys.stdout.fileno())
        columns, height = max(columns, 1), max(height, 1)
        rows = table_rows(height)
        self.view = settled(self.view, self.agents, rows)
        return screen(self._model(), self.view, columns, height)

    def _changed(self, paths: frozenset[str]) -> None:
        if any(os.path.basename(path) in self._files for path in paths):  # noqa: PTH119 - called for every change
            self.bell.ring()

    def _read_again(self) -> None:
        """Read state and panes if there is news or the last reading is old; errors are shown, and stay."""
        news, now = self.bell.silence(), time.monotonic()
        if self.status is not None and not news and now - self._read_at < MOST_SECONDS:
            return
        if self.status is not None and now - self._read_at < LEAST_SECONDS:
            self.bell.ring()
            time.sleep(LEAST_SECONDS)
        self._read_at = time.monotonic()
        try:
            self.settings, fleet = load_fleet(self.environ, self.options)
            self.status = fleet_status(self.settings, fleet, time.time())
            self._problem = ""
        except FleetError as error:
            if self.status is None:
                raise
            self._problem = str(error)

    def _model(self) -> Model:
        assert self.status is not None
        return model_of(self.status, self.agents, self._history(), self._problem or self.message)

    def _history(self) -> tuple[str, ...]:
        """The selected agent's last events; read again when the files change, or another is selected."""
        agent = next((agent for agent in self.agents if agent.key == self.view.selected), None)
        if agent is None or self.settings is None:
            return ()
        if self._told[:2] != (self._read_at, agent.key):
            story = stories(Journal(self.settings.journal_file).tail(JOURNAL_BYTES)).get(
                (agent.worktree, agent.spawned_at)
            )
            self._told = (self._read_at, agent.key, spoken([] if story is None else story.lines[-60:]))
        return self._told[2]

    def _enter(self) -> None:
        """Go to the agent; errors are shown, and the view stays."""
        try:
            self._go()
        except FleetError as error:
            self.message = sanitize(str(error))

    def _go(self) -> None:
        """Show the selected agent's window: the tmux client switches, or this terminal attaches until it detaches."""
        agent = next((agent for agent in self.agents if agent.key == self.view.selected), None)
        if agent is None or self.status is None or self.settings is None:
            return
        known = next((one for one in self.status.agents if one.agent.key == agent.key), None)
        if known is None or known.pane is None:
            window = sanitize(agent.window)
            self.message = f"{window} has no window now" if known else f"{spelled('attach')} {window} goes there"
            return
        tmux = Tmux(self.settings.tmux_socket)
        server = tmux.require_server()
        if not tmux.show_pane(known.pane):
            self.message = f"{sanitize(agent.window)} is gone"
            return
        place = terminal_place(self.environ, server)
        if place is TerminalPlace.INSIDE:
            self.message = tmux.switch_here(known.pane)
        elif place is TerminalPlace.OTHER_TMUX:
            self.message = f"another tmux: {tmux.line_to(known.pane, inside=False)}"
        else:
            self._attach(tmux, known.pane)

    def _attach(self, tmux: Tmux, pane: PaneFacts) -> None:
        with self.screen.aside():
            done = subprocess.run(tmux.attach_line(pane.session), check=False, stderr=subprocess.PIPE)
        if done.returncode:
            self.message = sanitize(done.stderr.decode(errors="replace")) or f"tmux exited {done.returncode}"
        self.bell.ring()


def model_of(status: FleetStatus, agents: tuple[Agent, ...], history: tuple[str, ...] = (), message: str = "") -> Model:
    """The view's model of the fleet."""
    fleet = status.fleet
    title = [Piece("agent fleet", "bold"), Piece("" if fleet.active else "  stopped", "red")]
    if fleet.tmux_session:
        title.append(Piece(f"  {sanitize(fleet.tmux_session)}", "dim"))
    for state, count in by_urgency(status.counts()):
        title.append(
            Piece(
                f"  {count} {str(state).replace('_', ' ')}",
                COLOURS.get(AgentState(state), "white") if state != HELD else "yellow",
            )
        )
    loop = (
        f"loop in {sanitize(status.loop.window)}"
        if status.loop is not None
        else f"no loop watches: {spelled('run-loop')} --window"
    )
    looked = f", last cycle {age(time.time() - fleet.last_poll_at)} ago" if fleet.last_poll_at else ""
    silent = {known.agent.key: known.elsewhere for known in status.on_hosts() if known.elsewhere != LINKED}
    return Model(tuple(title), loop + looked, agents, time.time(), history, sanitize(message), silent)


def spoken(lines: list[Mapping[str, object]]) -> tuple[str, ...]:
    """Time and sentence of each."""
    shown = told(lines)[-12:]
    return tuple(f"{datetime.fromtimestamp(at_of(line)).astimezone():%H:%M:%S} {sentence(line)}" for line in shown)
