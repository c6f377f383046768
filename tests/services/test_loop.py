"""One loop in this process, on a state file without a tmux server: what it outlives, and how it ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscripts.adapters.records.log_file import LogFile
from fleetscripts.adapters.records.store import StateDamaged, Store
from fleetscripts.commands import run_loop
from fleetscripts.config import Settings, load_settings
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.record import Task
from fleetscripts.services.loop.loop import Loop
from tests.waiting import wait_until


@pytest.fixture(params=[False, True], ids=["listening", "polling"])
def loop(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    monkeypatch.setenv("TMUX_TMPDIR", str(home))
    monkeypatch.setenv("FLEET_TMUX_SOCKET", "nobody")
    made = Loop(dict(os.environ), {}, LogFile(home / "loop.log"), poll=request.param)
    yield made
    made.end()


def begin(loop: Loop, home: Path, worktree: str = "") -> threading.Thread:
    agent = Agent("f:1", worktree_path=worktree, pane_id="%1", state=AgentState.DONE)
    Store(home / "state.json").update(lambda _: Fleet(agents=(agent,)), create=Fleet())
    thread = threading.Thread(target=loop.run)
    thread.start()
    wait_until(
        lambda: (home / "loop.log").exists() and "fleet: 1 done" in (home / "loop.log").read_text(), 10, "a cycle"
    )
    return thread


def test_a_state_file_that_is_written_by_hand_in_between_does_not_end_it(loop: Loop, home: Path) -> None:
    thread = begin(loop, home)
    whole = (home / "state.json").read_text()
    (home / "state.json").write_text(whole[:40])
    wait_until(lambda: "damaged" in (home / "loop.log").read_text(), 10, "the notice")
    (home / "state.json").write_text(whole)
    Store(home / "state.json").update(lambda fleet: replace(fleet, active=False))
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert "the fleet is stopped" in (home / "loop.log").read_text()
    assert (home / "loop.log").read_text().count("damaged") == 1


def test_a_damaged_file_at_the_start_is_an_error(loop: Loop, home: Path) -> None:
    (home / "state.json").write_text("{")
    with pytest.raises(StateDamaged):
        loop.run()


def test_it_ends_when_it_is_told_to_also_in_the_midst_of_a_long_wait(loop: Loop, home: Path) -> None:
    thread = begin(loop, home)
    loop.end()
    thread.join(timeout=5)
    assert not thread.is_alive()


def ends_when_stopped(loop: Loop, home: Path, thread: threading.Thread) -> bool:
    """Whether it still lived, and ended of itself when the fleet was stopped."""
    alive = thread.is_alive()
    Store(home / "state.json").update(lambda fleet: replace(fleet, active=False))
    thread.join(timeout=10)
    return alive and not thread.is_alive()


def test_a_config_that_is_broken_for_a_while_does_not_end_it(loop: Loop, home: Path) -> None:
    thread = begin(loop, home)
    config = loop_settings(loop).fleet_home / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("supervision = ")
    Store(home / "state.json").update(lambda fleet: replace(fleet, heartbeat_at=1))
    wait_until(lambda: "config.toml" in (home / "loop.log").read_text() or not thread.is_alive(), 10, "the notice")
    config.unlink()
    assert ends_when_stopped(loop, home, thread)


def test_a_state_file_that_an_editor_moves_aside_does_not_end_it(loop: Loop, home: Path) -> None:
    thread = begin(loop, home)
    (home / "state.json").rename(home / "aside")
    wait_until(lambda: "no state file" in (home / "loop.log").read_text() or not thread.is_alive(), 10, "the notice")
    (home / "aside").rename(home / "state.json")
    assert ends_when_stopped(loop, home, thread)


def test_a_log_that_cannot_be_written_does_not_end_it(loop: Loop, home: Path) -> None:
    thread = begin(loop, home)
    (home / "loop.log").unlink()
    (home / "loop.log").mkdir()
    more = Agent("f:2", pane_id="%2", state=AgentState.DONE, task=Task(started_at=1))
    Store(home / "state.json").update(lambda fleet: replace(fleet, agents=(*fleet.agents, more)))
    wait_until(lambda: loop._said.get("fleet") == "fleet: 2 done" or not thread.is_alive(), 10, "the next cycle")
    assert ends_when_stopped(loop, home, thread)


def test_a_terminal_that_went_costs_no_line_in_the_log(home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = LogFile(home / "loop.log", os.fdopen(writer, "w"))
    log.write("loop ends")
    assert (home / "loop.log").read_text().endswith("loop ends\n")


@pytest.mark.parametrize("worktree", ["/" + "deep/" * 80, "/" + "x" * 5000], ids=["long", "huge"])
def test_a_record_with_a_path_that_no_system_takes_does_not_end_it(loop: Loop, home: Path, worktree: str) -> None:
    thread = begin(loop, home, worktree)
    assert ends_when_stopped(loop, home, thread)


def test_a_relative_path_is_the_same_file_in_a_window_that_opens_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"state_file": Path("state.json"), "fleet_home": Path("~/fleet"), "tmux_socket": "s"}
    home = Path("~/fleet").expanduser()
    spelled = ["--state-file", str(tmp_path / "state.json"), "--fleet-home", str(home), "--tmux-socket", "s"]
    assert run_loop._spelled(given) == spelled


def loop_settings(loop: Loop) -> Settings:
    return load_settings(loop.environ)
