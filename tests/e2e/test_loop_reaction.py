"""The loop reacts to what happens, and to nothing twice: whatever becomes of clocks, processes and the tmux server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from fleetscripts.adapters.records.log_file import LogFile
from fleetscripts.practice.stage import Stage
from fleetscripts.services.loop.loop import Loop
from tests.e2e.crew import Crew, crew_on
from tests.places import BUNDLE
from tests.waiting import wait_until

CONFIG = "notify_desktop = false\n"


@pytest.fixture
def crew() -> Iterator[Crew]:
    with crew_on(Stage, 2, CONFIG) as made:
        yield made


def start_loop(crew: Crew, *options: str) -> subprocess.Popen[str]:
    """A loop as it is by default: its safety net is 30 seconds wide."""
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "run-loop", *options]
    with (crew.stage.folder / "loop.out").open("w") as out:
        loop = subprocess.Popen(argv, env=crew.stage.environment(), stdout=out, stderr=out, text=True)
    crew.loops.append(loop)
    wait_until(lambda: "--poll" in options or "tmux reports changes" in crew.log(), 20, "the loop")
    return loop


def kill_client(crew: Crew, window: str) -> float:
    session = crew.agent(window)["session_id"]
    os.kill(wait_until(lambda: crew.registry(session), what="the client")["pid"], signal.SIGKILL)
    return time.time()


def test_an_exit_a_question_and_done_are_acted_on_within_seconds(crew: Crew) -> None:
    first = crew.spawn("feat/a", "[[say Hello.]]")
    second = crew.spawn("feat/b", "[[say Hello.]]")
    for window in (first, second):
        crew.wait_for_words(window, "Hello.")
    start_loop(crew)
    killed = kill_client(crew, first)
    resumed = wait_until(lambda: crew.events("recovery-intended"), 10, "the resume")[0]
    assert (resumed["action"], resumed["window"]) == ("resume", first)
    assert resumed["at"] - killed < 2
    crew.run("send-agent", second, "[[ask Which colour?|Blue|Green]]")
    wait_until(lambda: crew.events("decision"), 5, "the question")
    crew.run("answer-dialog", second, "--choose", "Blue")
    crew.run("send-agent", second, "[[done]]", seconds=60)
    wait_until(lambda: [e for e in crew.events("recovery-intended") if e["action"] == "verify"], 5, "the gates")


@pytest.mark.stress
def test_a_loop_beside_looks_by_hand_resumes_once(crew: Crew) -> None:
    window = crew.spawn("feat/a", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    start_loop(crew)
    session = crew.agent(window)["session_id"]
    kill_client(crew, window)
    by_hand = [threading.Thread(target=crew.run, args=("poll-cycle",)) for _ in range(4)]
    for thread in by_hand:
        thread.start()
    for thread in by_hand:
        thread.join()
    wait_until(lambda: [e for e in crew.events("recovery-ended") if "resumed" in e["outcome"]], 30, "the resume")
    assert len(crew.events("recovery-intended")) == 1
    argv = ["pgrep", "-fc", f"resume {session}"]
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip() in ("1", "2")
    assert crew.agent(window)["kicks"] == 1


@pytest.mark.stress
def test_a_server_that_went_is_started_again_with_each_agent_once(crew: Crew) -> None:
    windows = [crew.spawn(f"feat/{name}", "[[say Hello.]]") for name in "ab"]
    for window in windows:
        crew.wait_for_words(window, "Hello.")
    (crew.stage.folder / "fleet" / "config.toml").write_text(CONFIG + "poll_interval_seconds = 1\n")
    loop = start_loop(crew)
    sessions = {crew.agent(window)["session_id"] for window in windows}
    before = {crew.pid(window) for window in windows}
    crew.stage.tmux("kill-server")
    wait_until(lambda: "trying again" in crew.log(), 15, "the loss")
    wait_until(lambda: not before & {crew.pid(window) for window in windows}, 60, f"others\n{crew.log()}")
    wait_until(lambda: all(crew.registry(session) for session in sessions), 60, f"both again\n{crew.log()}")
    wait_until(lambda: crew.log().count("resumed in") == 2, 30, "both told")
    state = json.loads((crew.stage.folder / "state.json").read_text())
    assert {agent["session_id"] for agent in state["agents"]} == sessions
    assert len({agent["pane_id"] for agent in state["agents"]}) == 2
    assert {agent["attempts"]["restarts"] for agent in state["agents"]} == {1}
    assert loop.poll() is None
    assert "stuck" not in crew.log()


@pytest.mark.stress
def test_a_loop_that_was_stopped_counts_no_time_that_it_did_not_see(crew: Crew) -> None:
    (crew.stage.folder / "fleet" / "config.toml").write_text(CONFIG + "idle_threshold_seconds = 6\n")
    window = crew.spawn("feat/a", "Do it. [[say I stop here.]]", "--step", "one")
    crew.wait_for_words(window, "I stop here.")
    loop = start_loop(crew)
    loop.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() - stopped > 12, 20, "a long stop")
    loop.send_signal(signal.SIGCONT)
    going_on = time.time()
    wait_until(lambda: "this loop was stopped for" in crew.log(), 10, lambda: crew.log())
    wait_until(lambda: crew.events("recovery-intended"), 20, "a nudge, in the end")
    assert crew.events("recovery-intended")[0]["at"] - going_on > 5


def test_a_clock_that_jumps_makes_nobody_stuck_and_nudges_nobody_twice(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = crew.spawn("feat/a", "Do it. [[say I stop here.]]", "--step", "one")
    crew.wait_for_words(window, "I stop here.")
    crew.run("update-agent", window, f"last_nudged_at={time.time():.0f}")
    real, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    for name, value in crew.stage.environment().items():
        monkeypatch.setenv(name, value)
    loop = Loop(dict(os.environ), {}, LogFile(crew.stage.folder / "fleet" / "loop.log"))
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        wait_until(lambda: "tmux reports changes" in crew.log(), 20, "the loop")
        for jump, said in ((900.0, "on by 900 s"), (-5400.0, "back by 5400 s"), (86_400.0, "on by 86400 s")):
            ahead[0] += jump
            crew.run("send-agent", window, "[[say Once more.]]")
            wait_until(lambda said=said: said in crew.log(), 20, f"the notice of a jump of {jump:g} s")
            assert loop.jobs.settle() is False
    finally:
        loop.end()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert crew.events("recovery-intended") == []
    assert crew.agent(window)["state"] == "running"
    assert "stuck" not in crew.log()
