"""What needs the orchestrator is handed out at once, once, and with all there is to decide by."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings, load_settings
from fleetscripts.core.planning.event_dedup import handed_out, to_hand_out
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind, AgentState
from fleetscripts.practice.stage import Stage
from fleetscripts.record import LastLook, Notices
from fleetscripts.services.single_instance.single_instance import loop_runs, only_loop
from tests.conftest import RunScript
from tests.e2e.crew import Crew, crew_on
from tests.places import BUNDLE
from tests.records import changed
from tests.waiting import wait_until

NOW = 1_800_000_000.0
DIALOG = Action("f:1", "%1", "dialog", ActionKind.DECISION, "a question")
EVALUATE = Action("f:1", "%1", "evaluate", ActionKind.DECISION, "judge it")


def test_a_decision_is_handed_out_once_and_again_when_it_stands_for_long() -> None:
    agent = Agent("f:1", seen=LastLook(dialog="question", since=NOW - 10, output_changed_at=NOW - 10))
    assert to_hand_out([(agent, DIALOG)], NOW, 900) == [(agent, DIALOG)]
    [given] = handed_out(Fleet(agents=(agent,)), [(agent, DIALOG)], NOW).agents
    assert to_hand_out([(given, DIALOG)], NOW + 1, 900) == []
    assert to_hand_out([(given, DIALOG)], NOW + 901, 900) == [(given, DIALOG)]
    assert to_hand_out([(given, DIALOG)], NOW + 1, 0) == [(given, DIALOG)]
    another = changed(given, pane_state_since=NOW + 5)
    assert to_hand_out([(another, DIALOG)], NOW + 6, 900) == [(another, DIALOG)]


def test_work_that_waits_to_be_judged_is_not_handed_out_anew_because_its_screen_moved() -> None:
    agent = Agent(
        "f:1",
        state=AgentState.PENDING_EVALUATION,
        notices=Notices(last_at=NOW - 5),
        seen=LastLook(output_changed_at=NOW - 5),
    )
    [given] = handed_out(Fleet(agents=(agent,)), [(agent, EVALUATE)], NOW).agents
    assert to_hand_out([(changed(given, output_changed_at=NOW + 1), EVALUATE)], NOW + 2, 900) == []
    assert to_hand_out([(changed(given, last_notice_at=NOW + 1), EVALUATE)], NOW + 2, 900) != []


def test_where_everything_is_done_there_is_nothing_to_wait_for(run_script: RunScript, home: Path) -> None:
    Store(home / "state.json").update(lambda _: Fleet(agents=(Agent("f:1", state=AgentState.DONE),)), create=Fleet())
    ended = run_script("wait-event", "--timeout", "30")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "1 done" in ended.stderr
    quiet = run_script("wait-event", "--timeout", "30", "--exit-zero")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert "1 done" in quiet.stdout


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "soon"])
def test_only_a_time_that_comes_is_waited_for(run_script: RunScript, seconds: str) -> None:
    ended = run_script("wait-event", "--timeout", seconds)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("wait-event: --timeout: expected a number")


def test_who_asks_whether_a_loop_runs_keeps_none_from_beginning_and_is_not_taken_for_one(home: Path) -> None:
    settings = replace(load_settings(os.environ), state_file=home / "state.json")
    Store(home / "state.json").update(lambda _: Fleet(), create=Fleet())
    assert not asked_meanwhile(settings, loop_runs)
    assert not asked_meanwhile(settings, loop_begins)
    with only_loop(settings):
        assert loop_runs(settings)
        assert loop_runs(replace(settings, fleet_home=home / "another"))


def asked_meanwhile(settings: Settings, ask: Callable[[Settings], object]) -> object:
    """The answer to who asks while another does, who is ready a moment later."""
    with ThreadPoolExecutor() as pool:
        with only_loop(settings):
            answer, began = pool.submit(ask, settings), time.monotonic()
            wait_until(lambda: answer.done() or time.monotonic() > began + 0.03, 5, "a first try")
        return answer.result()


def loop_begins(settings: Settings) -> None:
    with only_loop(settings):
        pass


@pytest.fixture
def crew() -> Iterator[Crew]:
    with crew_on(Stage, 2, "notify_desktop = false\npoll_interval_seconds = 1\n") as made:
        yield made


def waiting(crew: Crew, *options: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "wait-event", *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=crew.stage.environment(), stdout=pipe, stderr=pipe, text=True)


def test_a_question_ends_the_wait_at_once_and_the_next_wait_only_with_something_new(crew: Crew) -> None:
    window = crew.spawn("feat/question", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "run-loop"]
    with (crew.stage.folder / "loop.out").open("w") as out:
        crew.loops.append(subprocess.Popen(argv, env=crew.stage.environment(), stdout=out, stderr=out, text=True))
    log = crew.stage.folder / "fleet" / "loop.log"
    wait_until(lambda: log.exists() and "tmux reports changes" in log.read_text(), 15, "the loop")
    wait = waiting(crew, "--timeout", "40", "--json")
    crew.run("send-agent", window, "[[ask Which colour?|Blue|Green]]")
    asked = time.monotonic()
    printed, complaint = wait.communicate(timeout=40)
    assert (wait.returncode, complaint) == (0, ""), printed + complaint
    assert time.monotonic() - asked < 10
    [event] = json.loads(printed)
    assert (event["window"], event["action"], event["dialog"]) == (window, "dialog", "question")
    assert any("Which colour?" in line for line in event["screen"])
    assert event["objective"] == "[[say Hello.]]"
    again = crew.run("wait-event", "--timeout", "1")
    assert again.returncode == 8, again.stdout + again.stderr
    assert again.stdout.startswith("nothing new in 1 s (")
    assert f"handed out before and not settled yet: {window} dialog" in again.stdout
    at_once = crew.run("wait-event", "--timeout", "0", "--exit-zero")
    assert (at_once.returncode, at_once.stdout.partition(" (")[0]) == (0, "nothing new in 0 s")
    shown = crew.run("wait-event", "--timeout", "1", "--again", "--json")
    assert [event["window"] for event in json.loads(shown.stdout)] == [window]


def test_without_a_loop_it_says_so_and_looks_itself(crew: Crew) -> None:
    window = crew.spawn("feat/question", "[[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    unheard = waiting(crew, "--timeout", "40")
    assert unheard.stdout is not None
    unheard.stdout.close()
    crew.run("send-agent", window, "[[ask Which colour?|Blue|Green]]")
    assert unheard.wait(40) != 0, "nobody took what it told"
    printed, complaint = waiting(crew, "--timeout", "40").communicate(timeout=40)
    assert complaint.startswith("no loop runs")
    first, *shown, call = printed.splitlines()
    assert first.startswith(f"  {window}: "), printed
    assert shown[1:4] == ["    | Which colour?", "    | row: Blue", "    | row: Green"], printed
    assert call.endswith('--choose "ROW"')
