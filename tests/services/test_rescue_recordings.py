"""What looks like a usage limit and is none rescues nobody: recorded screens of every release, and their money rows."""

from __future__ import annotations

import re

from fleetscripts.account import Account
from fleetscripts.core.dialogs.dialog_policy import DialogContext, rule, spends_money
from fleetscripts.core.dialogs.dialog_rows import find_menu
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.plan import plan
from fleetscripts.core.planning.rescue import Pick
from fleetscripts.core.screen.screen import Screen
from fleetscripts.fleet import Agent
from fleetscripts.models import DialogKind, ErrorKind, PaneState
from tests.scoring import Verdict, judge_all, recordings

NOW = 1_800_000_000.0
"""For recordings that do not say when they were taken."""

TELLING = re.compile(r"limit|429|529|overload|server|retry|warning|quot|draft|credit|context|resume|auth|prompt")


def verdicts() -> list[Verdict]:
    chosen = [one for one in recordings() if TELLING.search(one.sidecar.stem) or one.state is PaneState.RATE_LIMITED]
    return list(judge_all(chosen, ("facts",)))


def proposed(verdict: Verdict) -> list[str]:
    agent = Agent("s:1", worktree_path="/w")
    looks = [(agent, Observation(verdict.found))]
    now = verdict.recording.truth.get("now", NOW)
    return [
        action.action for action in plan(looks, Limits(), now, {agent.key: Pick(Account("spare"), "it has budget")})
    ]


def test_only_a_limit_or_a_lost_login_moves_an_agent_to_another_account() -> None:
    judged = verdicts()
    moved = {verdict.recording.name for verdict in judged if proposed(verdict) == ["rescue"]}
    true = {
        verdict.recording.name
        for verdict in judged
        if verdict.recording.state is PaneState.RATE_LIMITED or verdict.found.error is ErrorKind.AUTH
    }
    undecidable = {verdict.recording.name for verdict in judged if verdict.recording.undecidable}
    assert moved <= true | undecidable, sorted(moved - true - undecidable)
    assert len(moved) > 50
    assert len(judged) - len(moved) > 100


def test_no_row_that_costs_is_ever_chosen_on_a_recorded_menu() -> None:
    costly = 0
    for recording in recordings():
        if recording.state is not PaneState.RATE_LIMITED:
            continue
        for capture in recording.captures():
            menu = find_menu(Screen.of(capture.read_text(encoding="utf-8").splitlines()).texts)
            ruling = rule(DialogKind.LIMIT, menu, DialogContext())
            if menu is None:
                continue
            costly += sum(spends_money(row.text) for row in menu.rows)
            assert ruling.row is None or not spends_money(menu.rows[ruling.row].text), recording.name
    assert costly > 0


def test_where_background_work_would_end_the_client_stays_and_nothing_is_moved() -> None:
    asked = [one for one in recordings() if one.sidecar.stem == "dialog-background-exit"]
    assert {one.name.split("/")[1].partition("-")[0] for one in asked} >= {"2.1.187", "2.1.332"}
    for verdict in judge_all(asked, ("facts",)):
        assert (verdict.found.state, verdict.found.dialog) == (PaneState.WAITING_APPROVAL, DialogKind.EXIT)
        assert proposed(verdict) == ["answer_dialog"]
    for recording in asked:
        for capture in recording.captures():
            menu = find_menu(Screen.of(capture.read_text(encoding="utf-8").splitlines()).texts)
            assert menu is not None
            ruling = rule(DialogKind.EXIT, menu, DialogContext())
            assert ruling.row is not None
            assert menu.rows[ruling.row].text == "Stay"
