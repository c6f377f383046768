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
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.loop.loop import Loop
from tests.waiting import wait_until


@pytest.fixture(params=[False, True], ids=["listening", "polling"])
def loop(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    monkeypatch.setenv("TMUX_TMPDIR", str(home))
    monkeypatch.setenv("FLEET_TMUX_SOCKET", "nobody")
    made = Loop(dict(os.environ), {}, LogFile(home / "loop.log"), poll=request.param)
    yield made
    made.end()


def begin(loop: Loop, home: Path) -> threading.Thread:
    agent = Agent("f:1", pane_id="%1", state=AgentState.DONE)
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
