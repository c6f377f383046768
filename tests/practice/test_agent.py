"""The practice agent in a real terminal."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscripts.practice.turn import LOGGED_OUT
from tests.places import GitRepo, TmuxServer
from tests.practice.stage import SESSION, PracticePane
from tests.waiting import wait_until


@pytest.fixture
def practice(tmux_server: TmuxServer, git_repo: GitRepo, tmp_path: Path) -> PracticePane:
    return PracticePane(tmux_server, git_repo.path, tmp_path / "config")


def test_it_works_commits_and_pushes_as_its_text_says(practice: PracticePane, git_repo: GitRepo) -> None:
    practice.start()
    practice.say(
        'Add.\n\n[[write notes/a.txt it\'s "done"]]\n[[commit Add notes]]\n[[push]]\n[[checkpoint one]]\n[[done]]'
    )
    practice.wait_for("ORCHESTRATOR:DONE")
    practice.wait_for_status("idle")
    assert git_repo.git("log", "-1", "--format=%s", "origin/main") == "Add notes"
    assert (git_repo.path / "notes" / "a.txt").read_text() == 'it\'s "done"\n'
    assert practice.texts("assistant") == ["CHECKPOINT:one", "All steps complete.\n\nORCHESTRATOR:DONE"]
    assert practice.records()[-1]["subtype"] == "turn_duration"
    assert practice.registry()["sessionId"] == SESSION
    assert practice.server.show(practice.pane, "#{pane_current_command} #{alternate_on}") == "practice 1"
    assert practice.registry()["tmux"].endswith(practice.pane)


def test_a_long_paste_arrives_whole(practice: PracticePane) -> None:
    practice.start()
    text = "\n".join(f"{n}: 'q' \"d\" $(x) `y` #{{pane_id}} \\ ✳ 漢 {n}" for n in range(60))
    practice.paste(text)
    practice.wait_for("[Pasted text #1 +59 lines]")
    practice.keys("Enter")
    wait_until(lambda: practice.texts("user"), what="the message")
    assert f"\n{text}\n" in practice.texts("user")[0]
    assert practice.bytes_read() == b"\x1b[200~" + text.encode() + b"\x1b[201~\r"


def test_start_up_dialogs_refuse_by_default_and_are_remembered(practice: PracticePane) -> None:
    practice.start(trusted=False)
    assert "    Yes, I trust this folder" not in practice.wait_for("❯ No, exit")
    practice.keys("Down", "Enter")
    assert practice.server.show(practice.pane, "#{alternate_on}") == "0"
    assert practice.registry() == {}
    wait_until(lambda: accepts(practice, "Yes, I trust this folder", "WARNING"), what="the first dialog's end")
    wait_until(lambda: accepts(practice, "Yes, I accept", "bypass permissions on"), what="the second dialog's end")
    practice.wait_for_status("idle")
    assert set(json.loads((practice.config / "practice.json").read_text())) == {"trust", "bypass"}


def accepts(practice: PracticePane, row: str, after: str) -> bool:
    """Walks to a row and takes it, as one does who does not know when keys begin to count."""
    screen = practice.screen()
    if after not in screen:
        practice.keys("Enter" if f"❯ {row}" in screen else "Down")
    return after in screen


def test_a_permission_is_asked_and_refused(practice: PracticePane, git_repo: GitRepo) -> None:
    practice.options = ()
    practice.start()
    practice.say("[[bash touch made]] [[done]]")
    assert practice.wait_for_status("waiting")["waitingFor"] == "permission prompt"
    screen = practice.wait_for("Do you want to proceed?")
    assert "❯ 1. Yes" in screen
    assert "3. No" in screen
    practice.keys("Escape")
    practice.wait_for_status("idle")
    assert not (git_repo.path / "made").exists()
    practice.say("go on")
    practice.wait_for("ORCHESTRATOR:DONE")


@pytest.mark.parametrize(("step", "words"), [("ask", "Which approach"), ("plan", "Would you like to proceed?")])
def test_questions_and_plans_wait_for_an_answer(practice: PracticePane, step: str, words: str) -> None:
    practice.start()
    practice.say(f"[[{step}]] [[checkpoint after]]")
    practice.wait_for(words)
    practice.wait_for_status("waiting")
    practice.keys("Enter")
    practice.wait_for("CHECKPOINT:after")


def test_messages_sent_during_a_turn_are_queued(practice: PracticePane) -> None:
    practice.start()
    practice.say("[[think 60]]")
    practice.wait_for("…")
    practice.say("[[say second]]")
    practice.wait_for("Press up to edit queued messages")
    assert [record["operation"] for record in practice.records() if record["type"] == "queue-operation"] == ["enqueue"]
    practice.keys("Escape")
    practice.wait_for_status("idle")


def test_escape_puts_an_unanswered_prompt_back(practice: PracticePane) -> None:
    practice.start()
    practice.say("wait [[think 60]]")
    practice.wait_for("esc to interrupt")
    practice.keys("Escape")
    practice.wait_for_status("idle")
    assert "❯\xa0wait [[think 60]]" in practice.screen()
    practice.keys("C-u")
    practice.say("[[say new]]")
    practice.wait_for("● new")


def test_escape_after_an_answer_interrupts_the_command(practice: PracticePane) -> None:
    practice.start()
    practice.say("[[say begun]] [[bash sleep 60]] [[done]]")
    practice.wait_for("Running a command")
    practice.keys("Escape")
    practice.wait_for("Interrupted")
    assert "[Request interrupted by user]" in practice.texts("user")


def test_a_wall_ends_by_itself_or_for_another_account(practice: PracticePane) -> None:
    practice.start()
    practice.say("[[say first]] [[ratelimit 2]] [[say through]]")
    practice.wait_for("You've hit your 5-hour limit · resets")
    practice.wait_for("Continuing automatically at")
    wall = next(record for record in practice.records() if record.get("isApiErrorMessage"))
    assert (wall["error"], wall["apiError"]) == ("rate_limit", "usage_limit_reached")
    assert wall["quotaLimits"]["rateLimitType"] == "five_hour"
    assert practice.registry()["status"] == "idle"
    practice.wait_for("● through")


def test_another_account_goes_on_where_the_wall_stood(practice: PracticePane) -> None:
    leave_at_the_wall(practice)
    practice.start("--resume", SESSION)
    practice.say("go on")
    practice.wait_for("Continuing automatically at")
    practice.keys("C-c")
    practice.wait_for("Automatic continue cancelled")
    leave(practice)
    practice.environment = {"CLAUDE_CODE_OAUTH_TOKEN": "another"}
    practice.start("--resume", SESSION)
    practice.say("go on")
    practice.wait_for("● through")


def test_a_refused_login_changes_nothing_of_the_wall(practice: PracticePane) -> None:
    """Back on the account of the wall, the wall stands as it did."""
    leave_at_the_wall(practice)
    practice.environment = {"CLAUDE_CODE_OAUTH_TOKEN": LOGGED_OUT}
    practice.start("--resume", SESSION)
    practice.say("go on")
    practice.wait_for("Please run /login")
    leave(practice)
    practice.environment = {}
    practice.start("--resume", SESSION)
    practice.say("go on")
    practice.wait_for("Continuing automatically at")


def leave_at_the_wall(practice: PracticePane) -> None:
    practice.start()
    practice.say("[[say first]] [[ratelimit 3600]] [[say through]]")
    practice.wait_for("Continuing automatically at")
    practice.keys("C-c")
    practice.wait_for("Automatic continue cancelled")
    leave(practice)


def leave(practice: PracticePane) -> None:
    practice.keys("C-c")
    practice.wait_for("Press Ctrl-C again to exit")
    practice.keys("C-c")
    practice.wait_for(f"--resume {SESSION}")
    wait_until(lambda: practice.registry() == {}, what="the registry's entry to go")


def test_a_killed_agent_resumes_the_conversation(practice: PracticePane) -> None:
    practice.start()
    practice.say("[[say before]] [[crash]] [[say after]] [[done]]")
    wait_until(lambda: practice.server.show(practice.pane, "#{pane_current_command}") == "sh", what="the crash")
    assert practice.registry()["sessionId"] == SESSION
    practice.start("--resume", SESSION)
    assert "● before" in practice.wait_for("● before")
    practice.say("continue")
    practice.wait_for("● after")
    assert practice.texts("assistant").count("before") == 1


def test_an_unknown_or_used_session_id_is_refused(practice: PracticePane) -> None:
    practice.start("--resume", SESSION, trusted=False)
    practice.wait_for(f"No conversation found with session ID: {SESSION}")
    practice.start()
    practice.say("hello")
    wait_until(practice.records, what="the transcript")
    practice.start("--session-id", SESSION, trusted=False)
    practice.wait_for("already in use")


def test_hooks_hear_of_everything(practice: PracticePane, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    events = ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "StopFailure", "SessionEnd")
    command = {"hooks": [{"type": "command", "command": f"cat >> {heard}; echo >> {heard}"}]}
    practice.options += ("--settings", json.dumps({"hooks": {event: [command] for event in events}}))
    practice.start()
    practice.say("[[bash true]] [[credit]]")
    practice.wait_for("Credit balance too low")
    practice.say("[[say well]]")
    practice.wait_for("● well")
    practice.say("/exit")
    practice.wait_for("Resume this session with:")
    found = [json.loads(line) for line in heard.read_text().splitlines() if line]
    names = [event["hook_event_name"] for event in found]
    assert names == [
        "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "StopFailure",
        "UserPromptSubmit", "Stop", "SessionEnd",
    ]  # fmt: skip
    assert {event["session_id"] for event in found} == {SESSION}
    assert found[4]["error"] == "billing_error"


ORDERS = [
    ("dialog limit", "Switch to usage credits"),
    ("dialog trust", "Yes, I trust this folder"),
    ("dialog model", "Select model"),
    ("wall 60", "You've hit your 5-hour limit"),
    ("turn [[say hello]]", "● hello"),
    ("type half a message", "❯\xa0half a message"),
]


@pytest.mark.parametrize(("order", "shown"), ORDERS)
def test_tests_give_orders(practice: PracticePane, order: str, shown: str) -> None:
    practice.start()
    practice.order(order)
    practice.wait_for(shown)


def test_it_dies_when_told(practice: PracticePane) -> None:
    practice.environment = {"PRACTICE_DIE_AFTER": "0.2-0.4"}
    practice.start()
    wait_until(lambda: practice.server.show(practice.pane, "#{pane_current_command}") == "sh", what="its death")


def test_the_terminal_may_be_any_size(practice: PracticePane) -> None:
    practice.start()
    practice.say("[[lines 300]] [[done]]")
    practice.wait_for("ORCHESTRATOR:DONE")
    assert "line 1\n" not in practice.screen()
    for columns, rows in ((20, 8), (200, 60)):
        practice.server.run("resize-window", "-t", practice.pane, "-x", str(columns), "-y", str(rows))
        wait_until(lambda width=columns: "─" * (width - 1) in practice.screen(), what="a redraw")
    assert "ORCHESTRATOR:DONE" in practice.screen()


def test_it_uses_no_time_when_nothing_happens(practice: PracticePane) -> None:
    practice.start()
    pid = int(practice.wait_for_status("idle")["pid"])
    before, deadline = _ticks(pid), time.monotonic() + 1
    wait_until(lambda: time.monotonic() > deadline, what="a second")
    assert _ticks(pid) - before <= 1


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order(practice: PracticePane, number: signal.Signals) -> None:
    practice.start()
    os.kill(int(practice.wait_for_status("idle")["pid"]), number)
    wait_until(lambda: practice.registry() == {}, what="the registry's entry to go")


def test_a_background_shell_shows_and_ends(practice: PracticePane, tmp_path: Path) -> None:
    go: Callable[[], object] = (tmp_path / "go").touch
    practice.start()
    practice.say(f"[[bgbash until [ -e {tmp_path}/go ]; do sleep 0.05; done]] [[say started]]")
    practice.wait_for("1 shell · ↓ to manage")
    practice.wait_for_status("shell")
    go()
    practice.wait_for_status("idle")
