"""Turns events (files, processes, tmux, finished jobs) into panes to poll."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue

from fleetscripts.adapters.system.file_events import FileEvents
from fleetscripts.adapters.system.process_events import ProcessEvents
from fleetscripts.adapters.tmux.control_stream import PaneNews
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.adapters.tmux.tmux_events import ConnectionLost, ConnectionOpened, TmuxEvents, TmuxNews
from fleetscripts.agents import KINDS
from fleetscripts.agents.kinds import kind_named
from fleetscripts.agents.live_files import process_of
from fleetscripts.config import Settings
from fleetscripts.core.planning.debounce import DirtyPanes, Urgency
from fleetscripts.core.planning.observation import Observation
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Fleet
from fleetscripts.models import AgentState, Client
from fleetscripts.services.loop.event_routing import EventRoutes


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """Paths in watched folders."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class ProcessesEnded:
    pids: frozenset[int]


@dataclass(frozen=True, slots=True)
class JobEnded:
    """An action on an agent has ended, with or without success."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """A signal came."""


News = FilesChanged | ProcessesEnded | JobEnded | SignalReceived | TmuxNews


class LoopWatch:
    """The event sources, and one queue for all of them. ``say`` writes a line for a person."""

    def __init__(self, queue: SimpleQueue[News], say: Callable[[str], None]) -> None:
        self.queue = queue
        self.agenda = DirtyPanes()
        self.everything = False
        """Whether all panes have to be looked at now."""
        self.fleet_changed = False
        """Whether somebody wrote the state file."""
        self._moved_house = True
        """Whether the set of folders to watch may have changed."""
        self._say = say
        self._whose = EventRoutes()
        self._clients: dict[str, tuple[str, Client]] = {}
        self._panes: dict[Hashable, str] = {}
        self._files = FileEvents(lambda paths: queue.put(FilesChanged(paths)))
        self._processes = ProcessEvents(lambda pids: queue.put(ProcessesEnded(pids)))
        self._tmux: TmuxEvents | None = None
        self._state_file = ""
        self._where: tuple[Settings, Fleet] | None = None

    def close(self) -> None:
        """Close every source."""
        self._files.close()
        self._processes.close()
        if self._tmux is not None:
            self._tmux.close()

    def learn(self, settings: Settings, fleet: Fleet, observed: Mapping[str, Observation]) -> None:
        """Update the watched files and processes after a look."""
        if self._tmux is None:
            client = Tmux(settings.tmux_socket).client
            self._tmux = TmuxEvents(client, self.queue.put, fleet.tmux_session)
            self._tmux.start()
        self._whose.learn(observed)
        for pane, seen in observed.items():
            if seen.client is not None and seen.kind and not _is_same(self._clients.get(pane), seen.client):
                self._clients[pane] = (seen.kind, seen.client)
                self._moved_house = True
        self._whose.enlist(fleet.agents)
        self._panes = {agent.key: agent.pane_id for agent in fleet.agents}
        self._processes.watch(self._whose.clients)
        self._where = (settings, fleet)

    def listen(self, now: float, anew: bool = False) -> None:
        """Watch the clients' folders as they are known now, if they may have changed or ``anew``."""
        if self._where is None or not (anew or self._moved_house):
            return
        self._moved_house = False
        settings, fleet = self._where
        self._state_file = os.path.realpath(settings.state_file)
        wanted = {Path(self._state_file).parent, settings.fleet_home / "spool"}
        for agent in fleet.agents:
            if agent.state is AgentState.RECYCLED:
                continue
            kind, client = self._clients.get(agent.pane_id, (agent.agent, None))
            environment = client.environment if client is not None else {}
            cwd = client.cwd if client is not None else os.path.realpath(agent.worktree_path)
            if kind in KINDS:
                wanted.update(kind_named(kind).watched(environment, cwd, settings.places_of(kind), now))
        if problem := self._files.watch(wanted):
            self._say(problem)

    def drain(self, seconds: float | None) -> bool:
        """Wait for events at most so long, and sort them; returns whether there were any."""
        try:
            news = self.queue.get(timeout=seconds) if seconds is None or seconds > 0 else self.queue.get_nowait()
        except Empty:
            return False
        while True:
            self._sort(news)
            try:
                news = self.queue.get_nowait()
            except Empty:
                return True

    def _sort(self, news: News) -> None:
        match news:
            case FilesChanged(paths):
                self._files_changed(paths)
            case ProcessesEnded(pids):
                self._news((self._whose.clients[pid] for pid in pids if pid in self._whose.clients), Urgency.NOW)
            case JobEnded(key):
                self._news((pane for pane in [self._panes.get(key, "")] if pane), Urgency.NOW)
            case PaneNews(changed, moved, gone):
                self._news((changed | gone) & self._known(), Urgency.NOW)
                self._news((moved & self._known()) - self._whose.told_by_files, Urgency.DRAWN)
            case ConnectionOpened(session):
                self._say(f"tmux reports changes (through session {session})")
                self.everything = True
            case ConnectionLost(why, for_good):
                self._say(f"{why}; {'only files report changes now' if for_good else 'trying again'}")
                self.everything = self.everything or not for_good
            case SignalReceived():
                pass

    def _files_changed(self, paths: frozenset[str]) -> None:
        for path in paths:
            if path == self._state_file:
                self.fleet_changed = True
                continue
            panes = frozenset(self._whose.of_file(path))
            growing = frozenset() if process_of(path) else panes & self._whose.told_by_registry
            self._news(growing, Urgency.GROWING)
            self._news(panes - growing, Urgency.NOW if process_of(path) else Urgency.WRITTEN)
            if not panes and Path(path).is_dir():
                self._moved_house = True

    def _known(self) -> frozenset[str]:
        return frozenset(self._panes.values())

    def _news(self, panes: Iterable[str], pace: Urgency) -> None:
        self.agenda.news(panes, pace, time.monotonic())


def _is_same(known: tuple[str, Client] | None, client: Client) -> bool:
    """Whether it is the process known before, in the same folder. Its start is told a little differently each time."""
    places = ("pid", "start_ticks", "cwd", "environment")
    return known is not None and all(getattr(known[1], name) == getattr(client, name) for name in places)
