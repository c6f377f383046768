"""One cycle finds panes again by their ids, whatever happens to windows and servers, and writes once."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscripts.adapters.git.head import head_commit
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import load_settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneState
from fleetscripts.services.loop.cycle import run_cycle
from fleetscripts.services.observe.fleet_look import look_at
from tests.places import GitRepo, TmuxProcesses, TmuxServer


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home / "state.json")


def enlist(store: Store, tmux: Tmux, *panes: str) -> None:
    """Records for these panes."""
    server = tmux.server()
    listed = {facts.pane_id: facts for facts in tmux.panes()}
    agents = [Agent("?:0", f"tree-{n}", f"/t{n}").at(listed[pane], server) for n, pane in enumerate(panes)]
    store.update(lambda _: Fleet(agents=tuple(agents)), create=Fleet())


def test_renumbered_and_moved_windows_keep_their_agents(tmux_server: TmuxServer, store: Store) -> None:
    tmux = Tmux(tmux_server.socket)
    first = tmux_server.new_session(command=["sh"])
    second, third = tmux_server.new_window(command=["sh"]), tmux_server.new_window(command=["sh"])
    enlist(store, tmux, second, third)
    tmux_server.run("set", "-g", "renumber-windows", "on")
    tmux_server.run("kill-pane", "-t", first)
    tmux_server.run("rename-session", "-t", "=fleet", "my x-y")
    cycle = run_cycle(store, load_settings(os.environ), time.time())
    assert [agent.window for agent in cycle.fleet.agents] == ["my x-y:0", "my x-y:1"]
    assert [agent.pane_id for agent in cycle.fleet.agents] == [second, third]
    assert [action.action for action in cycle.actions] == ["resume", "resume"]


def test_after_a_restart_of_the_server_an_old_id_is_somebody_else(tmux_server: TmuxServer, store: Store) -> None:
    tmux = Tmux(tmux_server.socket)
    enlist(store, tmux, tmux_server.new_session(command=["sh"]))
    store.update(lambda fleet: fleet.change(fleet.agents[0], tmux_server=replace(tmux.require_server(), start_time=1)))
    cycle = run_cycle(store, load_settings(os.environ), time.time())
    assert [seen.classification.state for _, seen in cycle.looks] == [PaneState.MISSING]


def test_a_record_made_by_hand_is_found_by_its_window_once(tmux_server: TmuxServer, store: Store) -> None:
    pane = tmux_server.new_session(command=["sh"])
    store.update(lambda _: Fleet(agents=(Agent("fleet:0", "tree"),)), create=Fleet())
    cycle = run_cycle(store, load_settings(os.environ), time.time())
    assert (cycle.fleet.agents[0].pane_id, cycle.fleet.agents[0].tmux_server) == (
        pane,
        Tmux(tmux_server.socket).server(),
    )


def test_without_a_tmux_server_everything_is_missing(tmux_server: TmuxServer, store: Store) -> None:
    store.update(lambda _: Fleet(agents=(Agent("fleet:0"),)), create=Fleet())
    cycle = run_cycle(store, load_settings(os.environ), time.time())
    assert [(action.action, action.kind) for action in cycle.actions] == [("restore", "recovery")]
    assert cycle.looks[0][1].classification.reason == "no tmux server runs"


@pytest.mark.parametrize("count", [1, 12])
def test_a_cycle_takes_one_tmux_process(
    tmux_server: TmuxServer, store: Store, tmux_processes: TmuxProcesses, count: int
) -> None:
    tmux = Tmux(tmux_server.socket)
    panes = [tmux_server.new_session(command=["sh"])]
    panes += [tmux_server.new_window(command=["sh"]) for _ in range(count - 1)]
    enlist(store, tmux, *panes)
    tmux_processes.forget()
    cycle = run_cycle(store, load_settings(os.environ), time.time())
    assert len(cycle.looks) == count
    assert len(tmux_processes.started()) == 1, tmux_processes.started()


def test_what_somebody_else_wrote_meanwhile_stays(tmux_server: TmuxServer, store: Store) -> None:
    tmux = Tmux(tmux_server.socket)
    enlist(store, tmux, tmux_server.new_session(command=["sh"]))

    def look(*args: object) -> list[tuple[Agent, Observation]]:
        looks = look_at(*args)  # type: ignore[arg-type]
        store.update(lambda fleet: replace(fleet.change(fleet.agents[0], objective="changed"), repo="a/b"))
        return looks

    fleet = run_cycle(store, load_settings(os.environ), time.time(), look=look).fleet
    assert (fleet.agents[0].objective, fleet.agents[0].seen.pane_state, fleet.repo) == ("changed", "idle", "a/b")


def test_a_look_at_the_conversation_before_does_not_bring_it_back(tmux_server: TmuxServer, store: Store) -> None:
    """A rescue may begin a new one while a cycle looks."""
    tmux = Tmux(tmux_server.socket)
    enlist(store, tmux, tmux_server.new_session(command=["sh"]))
    store.update(lambda fleet: fleet.change(fleet.agents[0], session_id="old"))

    def look(*args: object) -> list[tuple[Agent, Observation]]:
        looks = look_at(*args)  # type: ignore[arg-type]
        store.update(lambda fleet: fleet.change(fleet.agents[0], session_id="new", session_ids=("old",)))
        return looks

    [agent] = run_cycle(store, load_settings(os.environ), time.time(), look=look).fleet.agents
    assert (agent.session_id, agent.session_ids) == ("new", ("old",))


def test_the_commit_of_a_worktree_is_read_without_git(git_repo: GitRepo) -> None:
    [spare] = git_repo.add_spares(1)
    assert head_commit(spare) == git_repo.git("rev-parse", "HEAD", cwd=spare)
    made = git_repo.commit("Another", cwd=spare)
    assert head_commit(spare) == made
    git_repo.git("pack-refs", "--all")
    assert head_commit(spare) == made
    git_repo.git("checkout", "-q", "--detach", cwd=spare)
    assert head_commit(spare) == made
    assert head_commit(git_repo.path) == git_repo.git("rev-parse", "HEAD")
    assert head_commit(git_repo.root) == ""
    git_repo.git("checkout", "-q", "--orphan", "empty", cwd=spare)
    assert head_commit(spare) == ""


def test_what_an_agent_writes_where_git_has_its_files_is_no_commit_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for pointer in (b"gitdir: /x\0y", b"gitdir: loop/x", b"\xff\xfe", b"gitdir: " + b"x" * 5000):
        (tmp_path / ".git").write_bytes(pointer)
        assert head_commit(tmp_path) == ""
    (tmp_path / ".git").unlink()
    (tmp_path / ".git").mkdir()
    for head in (b"ref: a\0b", b"ref: refs/heads/main"):
        (tmp_path / ".git" / "HEAD").write_bytes(head)
        (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True, exist_ok=True)
        (tmp_path / ".git" / "refs" / "heads" / "main").write_bytes(b"\xff\xfe")
        assert head_commit(tmp_path) == ""


def test_a_pipe_where_git_has_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    asked = threading.Thread(target=head_commit, args=(tmp_path,), daemon=True)
    asked.start()
    asked.join(timeout=5)
    assert not asked.is_alive()


def test_a_look_at_some_panes_leaves_the_others_and_the_time_of_the_last_full_look(
    tmux_server: TmuxServer, store: Store
) -> None:
    tmux = Tmux(tmux_server.socket)
    first = tmux_server.new_session(command=["sh"])
    second = tmux_server.new_window(command=["sh"])
    enlist(store, tmux, first, second)
    settings = load_settings(os.environ)
    before = run_cycle(store, settings, time.time()).fleet
    tmux_server.run("kill-pane", "-t", first)
    tmux_server.run("kill-pane", "-t", second)
    cycle = run_cycle(store, settings, time.time() + 1, panes={second})
    assert [agent.seen.pane_state for agent in cycle.fleet.agents] == ["idle", "missing"]
    assert [agent.pane_id for agent, _ in cycle.looks] == [second]
    assert cycle.fleet.last_poll_at == before.last_poll_at


def test_a_look_that_finds_nothing_new_writes_nothing(tmux_server: TmuxServer, store: Store) -> None:
    pane = tmux_server.new_session(command=["sleep", "100"])
    enlist(store, Tmux(tmux_server.socket), pane)
    settings = load_settings(os.environ)
    run_cycle(store, settings, time.time())
    written = store.path.stat().st_mtime_ns
    run_cycle(store, settings, time.time() + 1, panes={pane})
    assert store.path.stat().st_mtime_ns == written
