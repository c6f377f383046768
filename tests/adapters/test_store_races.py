"""Sixteen processes write one state file while some are killed: no finished update is lost, no reader is refused."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.records.store import Store
from fleetscripts.fleet import Agent, Fleet
from tests.waiting import wait_until

pytestmark = pytest.mark.stress

WRITERS, UPDATES, KILLS = 16, 200, 24

WRITER = """
import os, sys
from pathlib import Path
from fleetscripts.adapters.records.store import Store
store, name, count = Store(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(1, count + 1):
    def change(fleet):
        agent = fleet.agent_for(name)
        return fleet.change(agent, attempts={"restarts": agent.attempts.restarts + 1}, objective="x" * (number % 50))
    store.update(change)
    os.write(1, b"%d\\n" % number)
"""


def start(state: Path, name: str, count: int, report: Path) -> subprocess.Popen[bytes]:
    with report.open("ab") as out:
        return subprocess.Popen([sys.executable, "-c", WRITER, str(state), name, str(count)], stdout=out)


def finished(report: Path) -> int:
    return report.read_bytes().count(b"\n")


def test_no_update_of_a_finished_process_is_lost_and_no_lock_stays_held(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    store = Store(state)
    names = [f"w:{number}" for number in range(WRITERS)]
    agents = tuple(Agent(name, worktree_path=f"/{name}") for name in names)
    store.update(lambda _: Fleet(agents=agents), create=Fleet())
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    reports = {name: tmp_path / name.replace(":", "-") for name in names}
    running = {name: start(state, name, UPDATES, reports[name]) for name in names}
    killed, reads = dict.fromkeys(names, 0), 0

    def settled() -> bool:
        """Read as any reader would; now and then kill somebody and let another do what he left."""
        nonlocal reads
        json.loads(state.read_bytes())
        assert len(store.read().agents) == WRITERS
        reads += 1
        alive = [name for name, process in running.items() if process.poll() is None]
        if alive and sum(killed.values()) < KILLS and chance.random() < 0.15:
            victim = chance.choice(alive)
            running[victim].send_signal(signal.SIGKILL)
            running[victim].wait()
            killed[victim] += 1
            left = UPDATES - finished(reports[victim])
            if left > 0:
                running[victim] = start(state, victim, left, reports[victim])
        return not alive

    wait_until(settled, 300, "all writers")
    with hold(state.with_name("state.json.lock"), 0):
        for agent in store.read().agents:
            assert finished(reports[agent.window]) == UPDATES, f"seed {seed}"
            # A kill may fall between the replaced file and the report of it: one more then, never one less.
            assert UPDATES <= agent.attempts.restarts <= UPDATES + killed[agent.window], f"seed {seed}"
    store.update(lambda fleet: fleet.change(fleet.agents[0], attempts={"restarts": 0}))
    left_there = sorted(path.name for path in tmp_path.glob("*state*")) + [path.name for path in tmp_path.glob("*.tmp")]
    assert left_there == ["state.json", "state.json.bak", "state.json.lock"]
    assert sum(killed.values()) >= KILLS // 2, f"seed {seed}"
    print(f"{WRITERS} writers, {UPDATES} updates each, {sum(killed.values())} killed, {reads} reads, seed {seed}")
