"""What a look costs, in counts that no busy machine changes: files opened, processes begun, records written."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.sessions.transcripts import remember
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents.claude_session import look as read_session
from fleetscripts.agents.kinds import Places
from fleetscripts.config import load_settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Classification, Client, Evidence, PaneState, Source
from fleetscripts.services.loop.cycle import run_cycle
from fleetscripts.services.loop.event_routing import EventRoutes
from fleetscripts.services.loop.for_hosts import ForHosts
from tests.places import TmuxProcesses, TmuxServer

OPENED_FOR_AN_AGENT = 7
"""Of one without a client: its process and its group, its worktree's commit, what was noted of its conversation."""


@contextmanager
def calls() -> Iterator[Counter[str]]:
    """How often each function is called meanwhile, by its qualified name."""
    counts: Counter[str] = Counter()

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            counts[f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"] += 1
        elif event == "c_call":
            counts[f"{getattr(argument, '__module__', '')}.{argument.__qualname__}"] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield counts
    finally:
        sys.setprofile(before)


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home / "state.json")


def enlisted(store: Store, server: TmuxServer, count: int) -> None:
    """So many agents, each in a pane of its own."""
    panes = [server.new_session(command=["sleep", "900"])]
    panes += [server.new_window(command=["sleep", "900"]) for _ in range(count - 1)]
    known = Tmux(server.socket).require_server()
    agents = [
        Agent(f"fleet:{n}", f"tree-{n}", str(store.path.parent), pane_id=pane, tmux_server=known)
        for n, pane in enumerate(panes)
    ]
    store.update(lambda _: Fleet(agents=tuple(agents)), create=Fleet())


def test_a_look_at_more_agents_opens_a_few_files_for_each_and_begins_no_more_processes(
    tmux_server: TmuxServer, store: Store, tmux_processes: TmuxProcesses
) -> None:
    enlisted(store, tmux_server, 12)
    settings = load_settings(os.environ)
    every = [agent.pane_id for agent in run_cycle(store, settings, time.time()).fleet.agents]
    opened = {}
    for looked_at in (every[:2], every):
        tmux_processes.forget()
        with calls() as made:
            cycle = run_cycle(store, settings, time.time(), panes=looked_at)
        assert len(cycle.looks) == len(looked_at)
        assert len(tmux_processes.started()) == 1
        opened[len(looked_at)] = made["posix.open"]
    assert 0 < opened[12] - opened[2] <= 10 * OPENED_FOR_AN_AGENT, opened


def test_of_many_records_only_those_that_changed_are_made_into_json_again(store: Store) -> None:
    agents = tuple(Agent(f"fleet:{n}", f"tree-{n}") for n in range(30))
    store.update(lambda _: Fleet(agents=agents), create=Fleet())
    store.update(lambda fleet: fleet.change(fleet.agents[3], objective="first"))
    with calls() as made:
        after = store.update(lambda fleet: fleet.change(fleet.agents[7], objective="other"))
        assert store.read() == after
    assert made["fleetscripts.schema.write"] <= 4, "the head of the file, one agent, and its parts"
    assert made["fleetscripts.fleet.read_agent"] == 0, "what was written here is known"
    assert Fleet.from_json(json.loads(store.path.read_text())) == after


def test_without_hosts_a_look_for_them_reads_no_record(store: Store) -> None:
    store.update(lambda fleet: fleet, create=Fleet())
    for_hosts = ForHosts(os.environ, {}, lambda _about, line: pytest.fail(line), lambda _error: store.path)
    assert not for_hosts.look()
    with calls() as made:
        assert not for_hosts.look()
    assert made["posix.listdir"] + made["posix.scandir"] == 1
    assert made["posix.stat"] == made["posix.open"] == 0


def test_a_transcript_that_grows_is_noted_for_others_now_and_then(tmp_path: Path) -> None:
    project = tmp_path / "projects" / "-home-dev"
    project.mkdir(parents=True)
    session = "00000000-0000-4000-8000-000000000001"
    file = project / f"{session}.jsonl"
    line = json.dumps({"type": "user", "message": {"role": "user", "content": "go on"}, "sessionId": session}) + "\n"
    client = Client(pid=0, started_at=0.0, cwd="/home/dev")
    with calls() as made:
        for _ in range(9):
            with file.open("a") as stream:
                stream.write(line)
            view = read_session(client, Places(tmp_path, tmp_path / "fleet"), session)
    assert view.transcript == file
    assert made[f"{remember.__module__}.remember"] == 9
    assert made["fleetscripts.adapters.records.json_files.put"] == 1


def test_the_routes_of_events_are_made_anew_once_for_a_look_at_many_panes() -> None:
    found = Classification(
        PaneState.RUNNING, "busy", source=Source.REGISTRY, evidence=(Evidence(Source.REGISTRY, None, ""),)
    )
    looked_at = {
        f"%{n}": Observation(found, client=Client(pid=n + 1, started_at=1.0, cwd="/"), session_id=f"s{n}")
        for n in range(50)
    }
    routes = EventRoutes()
    routes.learn(looked_at)
    assert routes.clients == {n + 1: f"%{n}" for n in range(50)}
    routes.learn({"%3": Observation(found, client=Client(pid=99, started_at=1.0, cwd="/"))})
    assert routes.clients == {n + 1: f"%{n}" for n in range(50) if n != 3} | {99: "%3"}
    assert routes.told_by_registry == set(looked_at)
