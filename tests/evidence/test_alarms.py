"""An agent that has set itself a wake-up waits by itself: told from its transcript, with the client's own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.agents.claude_alarms import next_alarm
from fleetscripts.agents.claude_transcript import Turn, fold
from fleetscripts.core.planning.cron import next_time

START = datetime(2026, 11, 27, 10, 0, tzinfo=UTC).timestamp()


def call(name: str, given: dict[str, Any], at: float = START, call_id: str = "toolu_1") -> dict[str, Any]:
    block = {"type": "tool_use", "id": call_id, "name": name, "input": given}
    message = {"id": f"m{call_id}", "model": "m", "content": [block], "stop_reason": "tool_use"}
    return {"type": "assistant", "timestamp": stamp(at), "message": message}


def result(said: str, at: float = START + 1, call_id: str = "toolu_1") -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": call_id, "content": said}
    return {"type": "user", "timestamp": stamp(at), "message": {"content": [block]}}


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def wakes(*records: dict[str, Any], now: float = START + 10, started: float = START - 100) -> float:
    turn = Turn()
    for record in records:
        turn = fold(turn, record)
    assert Turn.from_json(turn.to_json()) == turn
    return next_alarm(turn.alarms, started, now, UTC)


@pytest.mark.parametrize(
    ("given", "after"),
    [({"delaySeconds": 1200}, 1200), ({"delaySeconds": 5}, 60), ({"delaySeconds": 9999}, 3600)],
)
def test_a_scheduled_wake_up_within_the_bounds_of_the_client(given: dict[str, Any], after: float) -> None:
    assert wakes(call("ScheduleWakeup", given)) == START + after


@pytest.mark.parametrize(
    "given", [{}, {"delaySeconds": "600"}, {"delaySeconds": True}, {"delaySeconds": -1}, {"stop": 1}]
)
def test_what_names_no_delay_is_none_and_ends_the_one_before(given: dict[str, Any]) -> None:
    assert wakes(call("ScheduleWakeup", {"delaySeconds": 600}), call("ScheduleWakeup", given, START + 5, "t2")) == 0


def test_the_newest_wake_up_counts_and_one_long_gone_does_not() -> None:
    first, second = (call("ScheduleWakeup", {"delaySeconds": d}, START + n, f"t{n}") for n, d in enumerate((600, 1200)))
    assert wakes(first, second) == START + 1 + 1200
    assert wakes(first, now=START + 700) == START + 600, "it may be about to go on"
    assert wakes(first, now=START + 800) == 0


def test_what_was_set_before_the_client_started_is_gone_with_the_one_before() -> None:
    assert wakes(call("ScheduleWakeup", {"delaySeconds": 600}), started=START + 2) == 0


def test_a_recurring_job_goes_on_until_it_is_deleted_and_a_single_one_once() -> None:
    every = call("CronCreate", {"cron": "*/15 * * * *", "prompt": "look", "recurring": True})
    made = result("Scheduled recurring job a1b2c3d4 (Every 15 minutes).")
    assert wakes(every, made) == START + 900
    assert wakes(every, made, now=START + 5000) == START + 5400
    assert wakes(every, made, call("CronDelete", {"id": "a1b2c3d4"}, START + 20, "t2")) == 0
    assert wakes(every, made, call("CronDelete", {"id": "ffff"}, START + 20, "t2")) == START + 900
    once = call("CronCreate", {"cron": "30 10 27 11 *", "prompt": "look", "recurring": False})
    assert wakes(once) == START + 1800
    assert wakes(once, now=START + 4000) == 0


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("*/5 * * * *", (27, 10, 5)),
        ("0 9 * * *", (28, 9, 0)),
        ("0 9 * * 1-5", (30, 9, 0)),
        ("7,37 10-11 * * *", (27, 10, 7)),
        ("0 0 1 12 *", (1, 0, 0)),
        ("0 12 13 * 5", (27, 12, 0)),
        ("59 23 * * 7", (29, 23, 59)),
        ("5/20 * * * *", (27, 10, 5)),
    ],
)
def test_when_an_expression_comes_due(expression: str, wanted: tuple[int, int, int]) -> None:
    at = next_time(expression, START, UTC)
    assert at is not None
    found = datetime.fromtimestamp(at, UTC)
    assert (found.day, found.hour, found.minute) == wanted


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "61 * * * *", "* * 0 * *", "*/0 * * * *", "a * * * *", "0 0 31 2 *"]
)
def test_what_is_no_expression_never_comes_due(expression: str) -> None:
    assert next_time(expression, START, UTC) is None


@given(text=st.text(max_size=40), after=st.floats(0, 4e9))
def test_hostile_expressions_do_no_harm(text: str, after: float) -> None:
    found = next_time(text, after, ZoneInfo("Europe/Berlin"))
    assert found is None or found > after
