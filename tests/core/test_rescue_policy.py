"""What the fleet does about usage limits and other dead ends, case by case; and what it never takes for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.account import Account
from fleetscripts.core.planning.attention import notice_of
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.plan import as_json, plan
from fleetscripts.core.planning.policy import RULES, PolicyCase
from fleetscripts.core.planning.progress import note, spends
from fleetscripts.core.planning.rescue import (
    CONTINUES,
    LONGEST_PAUSE_SECONDS,
    OVERDUE_SECONDS,
    PARKED,
    UNKNOWN_RESET_SECONDS,
    WAKE_SPREAD_SECONDS,
    Pick,
    due,
    pause_seconds,
    wake_at,
    window_of,
)
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, Classification, DialogKind, ErrorKind, Evidence, PaneState, Source
from fleetscripts.record import Hold
from tests.places import BUNDLE
from tests.records import agent_with, changed
from tests.scoring import judge_all, recordings

NOW = 1_800_000_000.0
LIMITS = Limits(may_spend=frozenset({"rich"}))
SPARE = Pick(Account("spare"), "it has budget")
WALL, IDLE, PROMPT = PaneState.RATE_LIMITED, PaneState.IDLE, PaneState.PROMPT
WAITS_THERE = Evidence(Source.SCREEN, WALL, "as drawn", rule=CONTINUES)
OVER = {"parked_until": NOW - 1}
HALF_WAY = {"rescue_stage": "starting"}
LONG_AGO = NOW - 1000
PUT_BACK = {"rescue_stage": PARKED}
AT_REST = {"output_changed_at": NOW - 9, "pane_state_since": NOW - 9}
CREDITS = {"spends_until": NOW + 60}
CHEAPER = replace(SPARE, saves=True)
AT_A_CAP = {"hold": Hold("budget: its cap of 1k tokens is reached (1.2k tokens)", 1, "agent a in tokens")}


def found(state: PaneState, **more: Any) -> Classification:
    return Classification(state, "as drawn", **more)


def died(error: ErrorKind) -> Classification:
    return found(PaneState.API_ERROR, error=error)


MENU = found(WALL, dialog=DialogKind.LIMIT)
CASES: list[tuple[str, dict[str, Any], Classification, Pick | None, str]] = [
    ("an agent at a usage limit moves to another account", {}, found(WALL), SPARE, "recovery rescue"),
    ("moves from a limit menu without choosing a row", {}, MENU, SPARE, "recovery rescue"),
    ("parked when no account is left", {}, found(WALL), None, "recovery park"),
    ("parked from a limit menu by waiting", {}, MENU, None, "recovery answer_dialog"),
    ("an agent that a person stopped stays where it is", {"held": "stopped"}, found(WALL), SPARE, ""),
    ("woken when the limit has reset", OVER, found(WALL), None, "recovery wake"),
    (
        "woken after the reset although another account has budget",
        OVER | HALF_WAY,
        found(WALL, resets_at=NOW - 2),
        SPARE,
        "recovery wake",
    ),
    ("not woken before the reset", {"parked_until": NOW + 1}, found(WALL), None, "recovery park"),
    ("not woken twice at once", OVER | {"last_nudged_at": NOW - 59}, found(WALL), None, "recovery park"),
    ("not woken while its client is about to go on", OVER, found(WALL, evidence=(WAITS_THERE,)), None, "recovery park"),
    (
        "woken when its client ought to have gone on",
        {"parked_until": NOW - OVERDUE_SECONDS},
        found(WALL, evidence=(WAITS_THERE,)),
        None,
        "recovery wake",
    ),
    ("not moved when the reset is near", {}, found(WALL, resets_at=NOW + 599), SPARE, "recovery park"),
    ("moved when the reset is far", {}, found(WALL, resets_at=NOW + 601), SPARE, "recovery rescue"),
    ("not moved while a background task of its own runs", {}, found(WALL, background=True), SPARE, "recovery park"),
    (
        "a limit menu is answered by waiting while a background task runs",
        {},
        found(WALL, background=True, dialog=DialogKind.LIMIT),
        SPARE,
        "recovery answer_dialog",
    ),
    (
        "not woken again before twice as long",
        OVER | {"last_nudged_at": NOW - 119, "wakes": 1},
        found(WALL),
        None,
        "recovery park",
    ),
    (
        "woken again after twice as long",
        OVER | {"last_nudged_at": NOW - 121, "wakes": 1},
        found(WALL),
        None,
        "recovery wake",
    ),
    (
        "three wakes without effect are a person's",
        OVER | {"last_nudged_at": NOW - 121, "wakes": 3},
        found(WALL),
        None,
        "decision limit_stays",
    ),
    (
        "woken again each hour however often it had no effect",
        OVER | {"last_nudged_at": NOW - 3601, "wakes": 30},
        found(WALL),
        None,
        "recovery wake",
    ),
    (
        "put back on its account it waits for the reset",
        PUT_BACK | {"parked_until": NOW + 9},
        found(PROMPT),
        SPARE,
        "recovery park",
    ),
    ("put back on its account it is woken after the reset", PUT_BACK | OVER, found(PROMPT), None, "recovery wake"),
    ("put back on its account it is resumed when it ended", PUT_BACK | OVER, found(IDLE), None, "recovery resume"),
    ("moved back from an account that bills by use", AT_REST, found(PROMPT), CHEAPER, "recovery rescue"),
    ("not moved back with a draft in the box", AT_REST, found(PROMPT, draft="x"), CHEAPER, ""),
    ("not moved back in the middle of its work", {}, found(PaneState.RUNNING), CHEAPER, "decision stuck"),
    (
        "not moved back before it rests",
        {"output_changed_at": NOW - 1, "pane_state_since": NOW - 1},
        found(PROMPT),
        CHEAPER,
        "",
    ),
    ("credits that nobody allowed are a person's", CREDITS, found(PaneState.RUNNING), None, "decision spending"),
    ("moved off credits as soon as it rests", CREDITS | AT_REST, found(PROMPT), CHEAPER, "recovery rescue"),
    ("left on credits when no account has budget", CREDITS | AT_REST, found(PROMPT), None, "decision spending"),
    (
        "left on credits where its account may spend",
        CREDITS | {"account": "rich", "output_changed_at": NOW},
        found(PaneState.RUNNING),
        CHEAPER,
        "",
    ),
    ("an agent that wakes itself is not prompted", {"wakes_at": NOW + 3000}, found(PROMPT), None, ""),
    ("an agent is not prompted just after it ought to wake itself", {"wakes_at": NOW - 170}, found(PROMPT), None, ""),
    ("an agent that did not wake itself is prompted", {"wakes_at": NOW - 190}, found(PROMPT), None, "recovery nudge"),
    ("at a cap it is not moved", AT_A_CAP, found(WALL), SPARE, "decision budget"),
    ("at a cap nobody is woken", AT_A_CAP | OVER, found(WALL), None, "decision budget"),
    (
        "at a cap no limit menu is answered, after which it would go on by itself",
        AT_A_CAP,
        MENU,
        None,
        "decision budget",
    ),
    ("at a cap nobody is resumed", AT_A_CAP, found(IDLE), None, "decision budget"),
    ("at a cap nobody is restored", AT_A_CAP, found(PaneState.MISSING), None, "decision budget"),
    ("at a cap no move between two accounts goes on", AT_A_CAP | HALF_WAY, found(IDLE), SPARE, "decision budget"),
    ("at a cap no conversation is renewed", AT_A_CAP, died(ErrorKind.CONTEXT), None, "decision budget"),
    ("at a cap nobody is prompted to go on", AT_A_CAP, died(ErrorKind.SERVER), None, "decision budget"),
    ("at a cap nobody is reminded", AT_A_CAP, found(PROMPT), None, "decision budget"),
    ("at a cap its turn is left to end", AT_A_CAP | {"output_changed_at": NOW}, found(PaneState.RUNNING), None, ""),
    (
        "at a cap a permission request is answered",
        AT_A_CAP,
        found(PaneState.WAITING_APPROVAL, dialog=DialogKind.TRUST),
        None,
        "recovery answer_dialog",
    ),
    ("what it says is finished is verified", AT_A_CAP, found(PaneState.COMPLETE), None, "recovery verify"),
    ("a person's hold stays a person's", {"hold": Hold("stopped", 1, "day")}, found(PROMPT), None, ""),
    ("three failed rescues escalate", {"rescue_tries": 3}, found(WALL), SPARE, "decision escalate"),
    ("a rescue that stopped at the shell is continued", HALF_WAY, found(IDLE), SPARE, "recovery rescue"),
    ("a rescue whose window is gone is continued", HALF_WAY, found(PaneState.MISSING), SPARE, "recovery rescue"),
    ("a rescue that stopped at the prompt is continued", HALF_WAY, found(PROMPT), SPARE, "recovery rescue"),
    ("a rescue at the shell is parked when no account has budget", HALF_WAY, found(IDLE), None, "recovery park"),
    (
        "a rescue whose window is gone is parked when no account has budget",
        HALF_WAY,
        found(PaneState.MISSING),
        None,
        "recovery park",
    ),
    ("a rescue at the prompt is parked when no account has budget", HALF_WAY, found(PROMPT), None, "recovery park"),
    (
        "a rescue that stopped at the shell three times escalates",
        HALF_WAY | {"rescue_tries": 3},
        found(IDLE),
        SPARE,
        "decision escalate",
    ),
    (
        "a rescue that stopped at the prompt three times escalates",
        HALF_WAY | {"rescue_tries": 3},
        found(PROMPT),
        SPARE,
        "decision escalate",
    ),
    (
        "a rescue whose window was gone three times escalates",
        HALF_WAY | {"rescue_tries": 3},
        found(PaneState.MISSING),
        SPARE,
        "decision escalate",
    ),
    (
        "a start-up dialog of a rescue is answered",
        HALF_WAY,
        found(PaneState.WAITING_APPROVAL, dialog=DialogKind.TRUST),
        SPARE,
        "recovery answer_dialog",
    ),
    (
        "a rescued agent at work is left alone",
        HALF_WAY | {"output_changed_at": NOW},
        found(PaneState.RUNNING),
        SPARE,
        "",
    ),
    ("a rejected login moves to another account", {}, died(ErrorKind.AUTH), SPARE, "recovery rescue"),
    ("a rejected login without another account is a person's", {}, died(ErrorKind.AUTH), None, "decision api_error"),
    (
        "a login rejected after three rescues escalates",
        {"rescue_tries": 3},
        died(ErrorKind.AUTH),
        SPARE,
        "decision escalate",
    ),
    ("an empty account is a person's", {}, died(ErrorKind.BILLING), SPARE, "decision api_error"),
    ("a full conversation is replaced by a new one", {}, died(ErrorKind.CONTEXT), None, "recovery renew"),
    (
        "a full conversation after a hand-over escalates",
        {"handover_from": "claude:1"},
        died(ErrorKind.CONTEXT),
        None,
        "decision escalate",
    ),
    (
        "a full conversation after three rescues escalates",
        {"rescue_tries": 3},
        died(ErrorKind.CONTEXT),
        None,
        "decision escalate",
    ),
    (
        "an overloaded service is tried again on the same account",
        {"pane_state_since": LONG_AGO},
        died(ErrorKind.OVERLOADED),
        SPARE,
        "recovery continue",
    ),
    ("a warning is no usage limit", {"pane_state_since": NOW, "output_changed_at": NOW}, found(PROMPT), SPARE, ""),
]


def case_of(agent: dict[str, Any], classification: Classification, prospect: Pick | None) -> PolicyCase:
    return PolicyCase(agent_with("s:1", worktree_path="/w", **agent), classification, LIMITS, NOW, prospect)


def rows_met() -> set[int]:
    """The numbers of the policy's rows that decide one of these cases."""
    cases = [case_of(agent, classification, prospect) for _, agent, classification, prospect, _ in CASES]
    return {next(number for number, rule in enumerate(RULES) if rule.fits(case)) for case in cases}


@pytest.mark.parametrize(("agent", "classification", "prospect", "expected"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
def test_each_case_has_its_answer(
    agent: dict[str, Any], classification: Classification, prospect: Pick | None, expected: str
) -> None:
    known = agent_with("s:1", worktree_path="/w", **agent)
    picks = {} if prospect is None else {known.key: prospect}
    shown = [as_json(action) for action in plan([(known, Observation(classification))], LIMITS, NOW, picks)]
    assert [f"{action['kind']} {action['action']}" for action in shown] == ([expected] if expected else [])
    if expected.endswith("rescue"):
        assert shown[0]["account"] == "spare"


def test_the_rule_of_a_client_that_goes_on_by_itself_is_there() -> None:
    rules = (BUNDLE / "fleetscripts" / "rules" / "claude.toml").read_text(encoding="utf-8")
    assert f'name = "{CONTINUES}"' in rules


@given(resets=st.floats(NOW - 1e5, NOW + 1e6), session=st.text(max_size=40), later=st.floats(0, 1e6))
def test_an_agent_is_woken_after_its_reset_and_a_restart_changes_nothing(
    resets: float, session: str, later: float
) -> None:
    agent = Agent("s:1", session_id=session)
    wall = found(WALL, resets_at=resets)
    at = wake_at(agent, wall, NOW)
    assert resets <= at <= resets + WAKE_SPREAD_SECONDS
    parked = note(agent, Observation(wall), 300, NOW)
    again = note(parked, Observation(wall), 300, NOW + later)
    assert (parked.state, parked.rescue.parked_until, again.rescue.parked_until) == (AgentState.RATE_LIMITED, at, at)
    assert due(again, wall, at)
    assert not due(again, wall, at - 0.001)
    assert note(again, Observation(found(PROMPT)), 300, NOW).rescue.parked_until == 0


def test_a_limit_that_stays_is_knocked_at_ever_less_often_and_told_of_once() -> None:
    pauses = [pause_seconds(agent_with("s:1", wakes=wakes), 60) for wakes in range(40)]
    assert pauses[:7] == [60, 120, 240, 480, 960, 1920, LONGEST_PAUSE_SECONDS]
    assert set(pauses[6:]) == {LONGEST_PAUSE_SECONDS}
    known = agent_with("s:1", worktree_path="/w", wakes=3, last_nudged_at=NOW - 61, **OVER)
    later = changed(known, wakes=9, output_changed_at=NOW, pane_state_since=NOW, resets_at=NOW + 5)
    notices = {
        notice_of(agent, action)
        for agent in (known, later)
        for action in plan([(agent, Observation(found(WALL)))], LIMITS, NOW, {})
    }
    assert len(notices) == 1


@pytest.mark.parametrize(
    ("classification", "wakes"),
    [
        (found(WALL), 5),
        (found(WALL, resets_at=NOW - 60), 5),
        (found(WALL, resets_at=NOW + 60), 5),
        (found(WALL, resets_at=NOW + 3600), 0),
        (found(PROMPT), 5),
        (found(PaneState.RUNNING), 5),
    ],
)
def test_only_another_limit_or_progress_ends_the_count_of_tries(classification: Classification, wakes: int) -> None:
    known = agent_with("s:1", wakes=5, last_commit="a")
    assert note(known, Observation(classification, commit="a"), 300, NOW).attempts.wakes == wakes
    assert note(known, Observation(classification, commit="b"), 300, NOW).attempts.wakes == 0


@pytest.mark.parametrize("release", ["2.1.187", "2.1.332"])
def test_a_client_that_goes_on_on_credits_says_so_and_it_is_remembered(release: str) -> None:
    recorded = [one for one in recordings() if release in one.name and one.sidecar.stem == "prompt-on-credits"]
    assert recorded
    for verdict in judge_all(recorded, ("facts",)):
        assert spends(verdict.found)
        known = note(Agent("s:1"), Observation(verdict.found), 300, NOW)
        assert known.seen.spends_until > NOW
        assert note(known, Observation(found(PROMPT)), 300, NOW).seen.spends_until == known.seen.spends_until


def test_an_agent_that_was_put_back_counts_as_parked_until_it_works_again() -> None:
    known = agent_with("s:1", rescue_stage=PARKED, parked_until=NOW + 900)
    rests = note(known, Observation(found(PROMPT)), 300, NOW)
    assert (rests.state, rests.rescue.parked_until) == (AgentState.RATE_LIMITED, NOW + 900)
    works = note(rests, Observation(found(PaneState.RUNNING)), 300, NOW)
    assert (works.state, works.rescue.stage, works.rescue.parked_until) == (AgentState.RUNNING, "", 0)


def test_a_limit_that_names_no_end_is_tried_again_and_not_put_off_for_ever() -> None:
    wall = found(WALL)
    parked = note(Agent("s:1"), Observation(wall), 300, NOW)
    assert UNKNOWN_RESET_SECONDS <= parked.rescue.parked_until - NOW <= UNKNOWN_RESET_SECONDS + WAKE_SPREAD_SECONDS
    assert note(parked, Observation(wall), 300, NOW + 600).rescue.parked_until == parked.rescue.parked_until


@pytest.mark.parametrize(
    ("reason", "window"),
    [
        ("the transcript ends at a usage limit: You've hit your 5-hour limit · resets 4am (UTC)", "five_hour"),
        ("You've hit your session limit · resets 3pm", "five_hour"),
        ("You've hit your weekly limit · resets Mon", "weekly"),
        ("You've hit your Opus limit", "seven_day_opus"),
        ("Claude AI usage limit reached|1795233618", ""),
    ],
)
def test_the_window_of_a_wall_is_read_from_what_it_says(reason: str, window: str) -> None:
    assert window_of(reason) == window
