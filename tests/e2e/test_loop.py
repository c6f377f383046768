"""The loop at work on practice agents: what it recovers, what it leaves to a person, and how it begins and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.stage import Stage
from tests.e2e.crew import Crew, crew_on
from tests.places import BUNDLE
from tests.waiting import wait_until

CONFIG = "idle_threshold_seconds = 1\nnudge_cooldown_seconds = 0.5\nnotify_desktop = false\n"


@pytest.fixture
def crew() -> Iterator[Crew]:
    """Practice agents, with thresholds of seconds."""
    with crew_on(Stage, 2, CONFIG) as made:
        yield made


def state(crew: Crew) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((crew.stage.folder / "state.json").read_text(encoding="utf-8"))
    return found


def start_loop(crew: Crew) -> None:
    """A loop that looks as often as it can."""
    environment = {**crew.stage.environment(), "POLL_INTERVAL": "0.3", "POLL_IDLE_MAX": "0.3"}
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "run-loop"]
    with (crew.stage.folder / "loop.out").open("w") as out:
        crew.loops.append(subprocess.Popen(argv, env=environment, stdout=out, stderr=out, text=True))


def kill_client(crew: Crew, window: str) -> None:
    session = crew.agent(window)["session_id"]
    os.kill(wait_until(lambda: crew.registry(session), what="the client")["pid"], signal.SIGKILL)
    wait_until(lambda: not crew.registry(session), what="the client's end")


def test_a_loop_in_a_window_runs_from_a_copy_alone_and_ends_with_the_fleet(crew: Crew) -> None:
    crew.spawn("feat/a", "[[say Hello.]]")
    opened = crew.run("run-loop", "--window")
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout == f"{state(crew)['loop_window']}\n"
    pane = state(crew)["loop_pane_id"]
    pid = crew.stage.tmux("display-message", "-p", "-t", pane, "#{pane_pid}")
    code = Path(f"/proc/{(pid or '').strip()}/cmdline").read_text().split("\0")[2]
    assert code.startswith(f"{crew.stage.folder}/fleet/bundles/")
    assert (Path(code).parents[1] / "origin").read_text().strip() == str(Path(__file__).resolve().parents[2])
    for second in (("run-loop",), ("run-loop", "--window"), ("run-loop", "--once")):
        refused = crew.run(*second)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert opened.stdout.strip() in refused.stderr
    assert f"loop in {opened.stdout.strip()}" in crew.run("status").stdout
    crew.run("update-agent", "--top", "active=false")
    wait_until(lambda: state(crew)["loop_window"] is None, 15, "the loop's end")
    wait_until(lambda: crew.stage.tmux("list-panes", "-t", pane) is None, 15, "its window's end")
    assert "the fleet is stopped" in crew.log()


def test_inside_a_claude_session_only_a_window_is_opened(crew: Crew) -> None:
    crew.spawn("feat/a", "[[say Hello.]]")
    crew.stage.extra = {"CLAUDECODE": "1"}
    refused = crew.run("run-loop")
    assert refused.returncode == 3
    assert "run-loop --window" in refused.stderr


@pytest.mark.stress
def test_a_stalled_agent_is_nudged_three_times_then_escalated(crew: Crew) -> None:
    window = crew.spawn("feat/stalled", "Do the work. [[say I stop here.]]", "--step", "one")
    start_loop(crew)
    wait_until(lambda: crew.agent(window)["state"] == "escalated", 60, f"an escalation\n{crew.screens()}")
    agent = crew.agent(window)
    assert (agent["nudges"], agent["escalation"]) == (3, "it stopped 3 times without progress")
    nudges = [text for text in crew.said(window, "user") if "You have stopped" in text]
    assert len(nudges) == 3
    assert "Steps that you have not reported yet: one." in nudges[0]
    wait_until(lambda: "escalated, it stopped 3 times" in crew.log(), what="the line in the log")
    assert crew.log().count("prompted to go on (proof: transcript)") == 3
    intended, confirmed = crew.events("send-intended"), crew.events("send-confirmed")
    assert len(intended) == len(confirmed) == 4
    crew.run("update-agent", window, "state=running")
    assert crew.agent(window).get("nudges", 0) == 0


def test_progress_sets_the_count_back(crew: Crew) -> None:
    window = crew.spawn("feat/slow", "Do it. [[say Stop.]]", "--step", "one")
    crew.run("update-agent", window, "nudges=2", "kicks=2")
    crew.run("send-agent", window, "[[checkpoint one]]")
    crew.wait_for_words(window, "CHECKPOINT:one")
    wait_until(lambda: polled(crew) is not None and crew.agent(window)["checkpoints"] == ["one"], 20, "the checkpoint")
    assert (crew.agent(window).get("nudges", 0), crew.agent(window).get("kicks", 0)) == (0, 0)


def polled(crew: Crew) -> list[dict[str, Any]]:
    done = crew.run("poll-cycle")
    assert done.returncode == 0, done.stderr
    actions: list[dict[str, Any]] = json.loads(done.stdout)
    return actions


def test_proposing_does_nothing_and_counts_nothing(crew: Crew) -> None:
    window = crew.spawn("feat/killed", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    kill_client(crew, window)
    first = wait_until(lambda: [a for a in polled(crew) if a["action"] == "resume"], 10, "a proposal")
    assert first[0]["kind"] == "recovery"
    assert (first[0]["window"], first[0]["pane_id"]) == (window, crew.agent(window)["pane_id"])
    assert polled(crew) == first
    agent = crew.agent(window)
    assert (agent["state"], agent.get("kicks", 0)) == ("idle", 0)
    assert crew.registry(agent["session_id"]) == {}


def test_a_client_that_keeps_ending_is_resumed_three_times_then_escalated(crew: Crew) -> None:
    window = crew.spawn("feat/broken", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    program = crew.stage.folder / "bin" / "practice"
    program.unlink()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    kill_client(crew, window)
    start_loop(crew)
    wait_until(lambda: crew.agent(window)["state"] == "escalated", 60, f"an escalation\n{crew.screens()}")
    assert crew.agent(window)["escalation"] == "the client ended 3 times without progress"
    assert len([event for event in crew.events("recovery-intended") if event["action"] == "resume"]) == 3


def test_a_closed_window_is_restored_with_its_conversation(crew: Crew) -> None:
    window = crew.spawn("feat/closed", "Remember cobalt. [[say Remembered.]]")
    crew.wait_for_words(window, "Remembered.")
    before = crew.agent(window)
    crew.stage.tmux("kill-window", "-t", before["window_id"])
    done = crew.run("run-loop", "--once")
    assert done.returncode == 0, done.stderr
    after = state(crew)["agents"][0]
    assert after["pane_id"] != before["pane_id"]
    assert after["session_id"] == before["session_id"]
    assert crew.registry(after["session_id"])["cwd"] == os.path.realpath(after["worktree_path"])
    assert "Remembered." in (crew.stage.tmux("capture-pane", "-p", "-t", after["pane_id"]) or "")
    assert crew.run("run-loop", "--once").returncode == 0
    assert state(crew)["agents"][0]["pane_id"] == after["pane_id"]


TWICE = """Add a note.
[[bash if [ -e a.txt ]; then git add a.txt && git commit -qm Note && git push -q -u origin HEAD; else touch a.txt; fi]]
[[checkpoint one]] [[done]]"""
"""Forgets to commit, and does so when it is told the task again."""


def test_what_said_done_too_early_is_told_what_is_missing_and_verified_in_the_end(crew: Crew) -> None:
    window = crew.spawn("feat/early", TWICE, "--step", "one")
    crew.wait_for_words(window, "ORCHESTRATOR:DONE")
    start_loop(crew)
    wait_until(lambda: crew.agent(window)["state"] == "pending_evaluation", 60, "a verdict")
    told = [text for text in crew.said(window, "user") if "You said that you had finished" in text]
    assert len(told) == 1
    assert "a.txt" in told[0]
    assert "origin has no such branch" in told[0]
    agent = crew.agent(window)
    assert (agent["revision_count"], agent.get("fruitless_rounds", 0), agent["last_verdict"]) == (1, 0, "verified")
    assert [(action["kind"], action["action"]) for action in polled(crew)] == [("decision", "evaluate")]
    wait_until(lambda: crew.log().count("every gate holds: pending_evaluation") == 1, what="the line in the log")


def test_a_question_is_told_once_and_waits(crew: Crew) -> None:
    window = crew.spawn("feat/question", "[[ask Which colour?|Blue|Green]]")
    wait_until(lambda: [a for a in polled(crew) if a["action"] == "dialog"], 20, f"the question\n{crew.screens()}")
    start_loop(crew)
    wait_until(lambda: "dialog: question" in crew.log(), 20, "the notice")
    [shown] = [action for action in polled(crew) if action["window"] == window]
    assert (shown["kind"], shown["dialog"]) == ("decision", "question")
    assert any("Which colour?" in line for line in shown["screen"])
    before = state(crew)["last_poll_at"]
    wait_until(lambda: state(crew)["last_poll_at"] > before + 3, 20, "some more cycles")
    assert crew.log().count("dialog: question") == 1
    assert len(crew.events("decision")) == 1


def test_a_loop_killed_in_the_middle_leaves_the_place_to_the_next(crew: Crew) -> None:
    window = crew.spawn("feat/killed-loop", "[[say Hello.]]")
    start_loop(crew)
    wait_until(lambda: state(crew)["last_poll_at"], 20, "a cycle")
    crew.loops[0].kill()
    crew.loops[0].wait()
    kill_client(crew, window)
    start_loop(crew)
    wait_until(lambda: crew.registry(crew.agent(window)["session_id"]), 30, "a resume")
