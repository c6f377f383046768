"""classify-pane WINDOW on live panes, as a user calls it; the practice agent keeps the client's files and screens."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunScript
from tests.places import GitRepo, TmuxServer
from tests.practice.stage import SESSION, PracticePane
from tests.waiting import wait_until

BRIEFING = "Fix it. When a step is done say\nCHECKPOINT:x\nand at the end\nORCHESTRATOR:DONE\n[[say I will.]]"


@pytest.fixture
def practice(tmux_server: TmuxServer, git_repo: GitRepo, tmp_path: Path) -> PracticePane:
    return PracticePane(tmux_server, git_repo.path, tmp_path / "config")


class WindowClassifier:
    """The command's answer, now or once it is as wanted."""

    def __init__(self, run_script: RunScript) -> None:
        self.run_script = run_script

    def __call__(self, window: str) -> dict[str, Any]:
        done = self.run_script("classify-pane", window)
        assert (done.returncode, done.stderr) == (0, "")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def until(self, window: str, state: str) -> dict[str, Any]:
        return wait_until(lambda: (answer := self(window))["state"] == state and answer, 15, f"state {state}")


@pytest.fixture
def classify(run_script: RunScript) -> WindowClassifier:
    return WindowClassifier(run_script)


def test_a_prompt_a_draft_a_turn_and_its_end(practice: PracticePane, classify: WindowClassifier) -> None:
    practice.start()
    fresh = classify.until(practice.pane, "prompt")
    assert fresh["pane_cmd"] == "practice"
    assert (fresh["session_id"], fresh["pane_id"], fresh["window"]) == (SESSION, practice.pane, "fleet:0")
    practice.paste("half a thought")
    practice.wait_for("half a thought")
    assert classify(practice.pane)["draft"] == "half a thought"
    practice.keys("C-u")
    wait_until(lambda: "draft" not in classify(practice.pane), what="the draft to be gone")
    practice.say("[[think 60]]")
    practice.wait_for_status("busy")
    assert classify("fleet:0")["state"] == "running"
    practice.keys("Escape")
    practice.wait_for_status("idle")
    assert classify.until(practice.pane, "prompt")["draft"].startswith("[[think")


def test_a_briefing_that_quotes_the_markers_completes_nothing(
    practice: PracticePane, classify: WindowClassifier
) -> None:
    practice.start()
    practice.say(BRIEFING)
    practice.wait_for("I will.")
    practice.wait_for_status("idle")
    assert "ORCHESTRATOR:DONE" in practice.records()[0]["message"]["content"]
    assert classify.until(practice.pane, "prompt")["state"] == "prompt"


def test_done_counts_also_when_it_has_scrolled_away_and_survives_a_crash(
    practice: PracticePane, classify: WindowClassifier
) -> None:
    practice.start()
    practice.say("[[checkpoint one]] [[done]] ")
    practice.wait_for_status("idle")
    practice.keys(*(["C-l"] * 3))
    done = classify.until(practice.pane, "complete")
    assert done["source"] == "transcript"
    os.kill(practice.registry()["pid"], signal.SIGKILL)
    gone = classify.until(practice.pane, "idle")
    assert (gone["pane_cmd"], gone["source"]) == ("sh", "process")


def test_a_dialog_a_wall_and_an_error(practice: PracticePane, classify: WindowClassifier) -> None:
    practice.options = ("--permission-mode", "default")
    practice.start()
    practice.say("[[bash rm -rf build]]")
    practice.wait_for_status("waiting")
    assert classify.until(practice.pane, "waiting_approval")["dialog"] == "permission"
    practice.keys("Escape")
    practice.wait_for_status("idle")
    practice.say("[[credit]]")
    assert classify.until(practice.pane, "api_error")["error"] == "billing"
    practice.say("[[ratelimit 3600]]")
    walled = classify.until(practice.pane, "rate_limited")
    assert walled["source"] == "transcript"
    assert walled["resets_at"] > 1_000_000_000


def test_a_registry_file_that_a_killed_client_left_counts_for_nothing(
    practice: PracticePane, classify: WindowClassifier
) -> None:
    practice.start()
    wait_until(practice.registry, what="the registry")
    (record,) = (practice.config / "sessions").glob("*.json")
    stale = json.loads(record.read_text()) | {"procStart": "1", "status": "busy"}
    record.write_text(json.dumps(stale))
    answer = classify.until(practice.pane, "prompt")
    assert "gone" in next(piece["reason"] for piece in answer["evidence"] if piece["source"] == "registry")


def test_a_client_that_was_told_to_exit_is_idle(practice: PracticePane, classify: WindowClassifier) -> None:
    practice.start()
    practice.paste("/exit")
    practice.wait_for("/exit")
    practice.keys("Enter")
    assert classify.until(practice.pane, "idle")["pane_cmd"] == "sh"


def test_what_is_not_there_is_missing(tmux_server: TmuxServer, classify: WindowClassifier) -> None:
    assert classify("fleet:0")["reason"] == "no tmux server runs"
    tmux_server.new_session(command=["sh"])
    assert classify.until("fleet:0", "idle")["pane_cmd"] == "sh"
    for window in ("fle:0", "%77", "", "fleet:#{pane_id}"):
        assert classify(window)["state"] == "missing"


def test_an_editor_over_a_drawn_prompt_is_unknown(tmux_server: TmuxServer, classify: WindowClassifier) -> None:
    pane = tmux_server.new_session(command=["sh", "-c", "printf '────\\n❯ \\n────\\n'; exec sleep 1000"])
    wait_until(lambda: "❯" in tmux_server.screen(pane), what="the drawing")
    answer = classify(pane)
    assert (answer["state"], answer["source"]) == ("unknown", "process")


def test_a_pane_whose_process_has_ended_is_idle(tmux_server: TmuxServer, classify: WindowClassifier) -> None:
    tmux_server.new_session(command=["sh"])
    tmux_server.run("set-option", "-g", "remain-on-exit", "on")
    pane = tmux_server.new_window(command=["true"])
    wait_until(lambda: tmux_server.show(pane, "#{pane_dead}") == "1", what="its end")
    assert classify(pane)["source"] == "tmux"
    assert classify(pane)["state"] == "idle"


def test_explain_tells_a_person_what_decided_and_what_the_others_said(
    practice: PracticePane, run_script: RunScript, classify: WindowClassifier
) -> None:
    practice.start()
    practice.say("[[think 60]]")
    practice.wait_for_status("busy")
    done = run_script("classify-pane", practice.pane, "--explain")
    assert done.stdout.startswith(f"{practice.pane}: running\n")
    for expected in ("decided by registry", "process says", "screen says", "transcript says", "nearest rule"):
        assert expected in done.stdout


def test_one_window_is_wanted(run_script: RunScript) -> None:
    assert run_script("classify-pane").returncode == 2
    assert run_script("classify-pane", "a:1", "a:2").returncode == 2
