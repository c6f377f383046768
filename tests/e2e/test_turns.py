"""A turn to test belongs to the client that asked for it: it ends when that client dies, and not before."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import on_codex_too
from tests.e2e.crew import Crew
from tests.queue_place import MAIN
from tests.waiting import wait_until


def queue_of(crew: Crew) -> dict[str, object]:
    folder = crew.stage.home / ".local" / "state" / "fleetscripts" / "test-queue"
    return dict(json.loads((folder / "queue.json").read_text()))


@pytest.mark.stress
@on_codex_too
def test_a_turn_is_held_by_the_clients_process(crew: Crew) -> None:
    window = crew.spawn("feat/tested", "[[say The work is done.]]")
    crew.wait_for_words(window, "The work is done.")
    crew.run("update-agent", "--top", "repo=acme/widget")
    crew.run("update-agent", window, "pr_number=12")
    assert crew.run("test-queue", "add", window).returncode == 0
    orchestrator = crew.spawn("feat/asks", "[[say Ready.]]")
    crew.wait_for_words(orchestrator, "Ready.")
    pid = wait_until(lambda: crew.pid(orchestrator), 20, "the client")
    record = crew.agent(orchestrator)
    state = crew.stage.folder / "state.json"
    fleet = json.loads(state.read_text())
    state.write_text(json.dumps(fleet | {"agents": [a for a in fleet["agents"] if a["window"] == window]}))
    ask = f"[[bash {sys.executable} -I {MAIN} test-queue next > line.txt 2>&1]]"
    sent = crew.run("send-agent", record["pane_id"], ask)
    assert sent.returncode == 0, sent.stderr
    line = Path(record["worktree_path"]) / "line.txt"
    said = wait_until(lambda: line.exists() and line.read_text(), 30, crew.screens())
    wait_until(lambda: "/pr-test https://github.com/acme/widget/pull/12" in line.read_text(), 20, said)
    lease = queue_of(crew)["lease"]
    assert isinstance(lease, dict)
    assert lease["pid"] == pid, lease
    busy = crew.run("test-queue", "next")
    assert (busy.returncode, f"(pid {pid})" in busy.stderr) == (8, True)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: crew.run("test-queue", "next").returncode == 0, 20, "the turn")
