"""What the kernel ends for an agent's limit on memory is told as that: a tool once, a client as it is resumed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscripts.adapters.system.memory_limit import can_limit_memory
from fleetscripts.adapters.system.memory_scope import scope_of
from tests.e2e.crew import Crew
from tests.e2e.quick import CONFIG, heartbeat, kill_client, quick_crew, run_loop, said, wait_for_cycles
from tests.waiting import wait_until

LIMIT = 200_000_000
LIMITED = f'{CONFIG}[machine]\nagent_memory = "{LIMIT // 10**6}M"\n'
EATS = f"{sys.executable} -I -c 'bytearray(1000000000)'"

pytestmark = pytest.mark.skipif(
    bool(can_limit_memory(LIMIT)), reason="neither systemd nor a writable control group limits memory here"
)


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(config=LIMITED) as made:
        yield made


def pane_pid(crew: Crew, window: str) -> int:
    return int(crew.stage.tmux("display-message", "-p", "-t", crew.agent(window)["pane_id"], "#{pane_pid}") or 0)


def tries(crew: Crew, window: str) -> dict[str, int]:
    return dict(crew.agent(window).get("attempts") or {})


def gate(crew: Crew) -> Path:
    """What the tool of ``eats_behind`` waits for."""
    return crew.stage.folder / "gate"


def eats_behind(crew: Crew) -> str:
    """A tool that takes more than all may have once the gate is there."""
    return (
        f"[[say begun]] [[bash while [ ! -e {gate(crew)} ]; do sleep 0.1; done; rm {gate(crew)}; {EATS}]] [[say over]]"
    )


def make_client_first(crew: Crew, window: str) -> int:
    """Of all in the scope the kernel is to end the client, once its tool has begun (what it starts later inherits)."""
    pid = wait_until(lambda: crew.pid(window), what="the client")
    wait_until(lambda: "while [ ! -e" in children_of(pid), what="the tool")
    Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
    return int(pid)


def children_of(pid: int) -> str:
    """The command lines of what a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return " ".join(Path(f"/proc/{child}/cmdline").read_text() for child in found)


def test_the_client_and_its_tools_share_the_limit_and_a_tool_that_is_ended_is_told_of_once(crew: Crew) -> None:
    window = crew.spawn("feat/a", f"[[bash {EATS}; echo status $?]] [[say alive]] [[think 300]]")
    scope = scope_of(pane_pid(crew, window))
    assert scope is not None
    assert LIMIT - 4096 <= scope.limit_bytes <= LIMIT
    client = wait_until(lambda: crew.pid(window), what="the client")
    assert scope_of(client) is not None, "the client is in it"
    crew.wait_for_words(window, "alive")
    waited = said(crew, "wait-event", "--timeout", "20")
    assert "the kernel ended 1 of its processes for memory; its client continues" in waited
    assert "its client continues" not in said(crew, "wait-event", "--timeout", "0", code=8)
    assert not [item for item in heartbeat(crew)["decisions"] if item["kind"] == "memory"], "it was told of"
    said(crew, "interrupt-agent", window)
    said(crew, "send-agent", window, f"[[bash {EATS}; echo status $?]] [[say again]]")
    crew.wait_for_words(window, "again")
    told = [item for item in heartbeat(crew)["decisions"] if item["kind"] == "memory"]
    assert [item["window"] for item in told] == [window]
    assert not [item for item in heartbeat(crew)["decisions"] if item["kind"] == "memory"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root says which process the kernel ends first")
def test_a_client_that_is_ended_for_memory_is_resumed_once_then_somebody_decides(crew: Crew) -> None:
    window = crew.spawn("feat/a", eats_behind(crew))
    run_loop(crew)
    make_client_first(crew, window)
    gate(crew).touch()
    log = crew.stage.folder / "fleet" / "loop.log"
    why = "the kernel ended its client for memory (its limit is 200 MB)"
    wait_until(lambda: tries(crew, window).get("memory_restarts") == 1, 40, lambda: f"{crew.agent(window)}")
    assert why in said(crew, "history", window)
    gate(crew).unlink(missing_ok=True)
    make_client_first(crew, window)
    gate(crew).touch()
    wait_until(lambda: "again after it was resumed" in log.read_text(), 30, log.read_text)
    wait_for_cycles(crew, 3)
    assert crew.pid(window) is None, "it is not resumed a second time"
    [decision] = json.loads(said(crew, "poll-cycle"))
    assert (decision["action"], decision["kind"]) == ("out_of_memory", "decision")
    assert f"{why}, again after it was resumed" in decision["reason"]
    assert "restore-agent" in said(crew, "heartbeat")
    said(crew, "restore-agent", window)
    assert crew.pid(window) is not None


@pytest.mark.stress
def test_a_client_that_somebody_else_killed_was_not_ended_for_memory(crew: Crew) -> None:
    window = crew.spawn("feat/a", "[[think 300]]")
    run_loop(crew)
    kill_client(crew, window)
    wait_until(lambda: tries(crew, window).get("restarts") == 1, 30, crew.screens)
    assert "for memory" not in said(crew, "history", window)
    assert "memory_restarts" not in tries(crew, window)
