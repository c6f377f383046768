"""Which account an agent goes on with, over several limits in turn."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from fleetscripts.account import Account
from fleetscripts.agents import KINDS
from fleetscripts.config import Settings, load_settings
from fleetscripts.fleet import Agent
from fleetscripts.models import Classification, Evidence, PaneState, Source
from fleetscripts.services.accounts.account_check import NO_ANSWER_SECONDS, unfit
from fleetscripts.services.accounts.account_choice import next_account, note_wall
from tests.account_stage import AccountStage
from tests.conftest import RunScript
from tests.places import SILENT_CLIENT

ACCOUNTS = ("one", "two", "three")
MODELS = ("opus", "sonnet", "fable")


@pytest.fixture
def settings(home: Path) -> Settings:
    stage = AccountStage(home)
    stage.list_accounts(
        "".join(
            f'[[account]]\nname = "{name}"\ntoken = {{ file = "{stage.secret(name, name)}" }}\n' for name in ACCOUNTS
        )
    )
    return load_settings(os.environ)


def at_the_limit_of(model: str) -> Classification:
    resets_at = time.time() + 7200
    said = Evidence(Source.TRANSCRIPT, PaneState.RATE_LIMITED, f"{model} limit reached", limit=f"seven_day_{model}")
    return Classification(PaneState.RATE_LIMITED, said.reason, evidence=(said,), resets_at=resets_at)


def moves(settings: Settings, models: list[str]) -> list[str]:
    """The accounts on which an agent works that is refused each of these models in turn, until it stays."""
    agent, way = Agent("s:1", account="one"), ["one"]
    for model in models:
        found = at_the_limit_of(model)
        note_wall(settings, agent, found, time.time())
        chosen = next_account(settings, agent, found, time.time())
        if chosen is None:
            return way
        limited = tuple(dict.fromkeys((*agent.attempts.limited_models, model)))
        agent = agent.changed(account=chosen.account.name, attempts={"limited_models": limited})
        way.append(chosen.account.name)
    raise AssertionError(f"it is still sent about: {way}")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_models_are_refused_in_turn_no_account_is_come_back_to(settings: Settings, seed: int) -> None:
    way = moves(settings, random.Random(seed).choices(MODELS, k=20))
    assert len(way) == len(set(way)) <= len(ACCOUNTS), way


def test_two_models_refused_in_turn_do_not_send_it_to_and_fro(settings: Settings) -> None:
    assert len(moves(settings, ["opus", "sonnet"] * 10)) <= len(ACCOUNTS)


def test_one_model_that_is_refused_everywhere_is_tried_once_on_each(settings: Settings) -> None:
    assert sorted(moves(settings, ["opus"] * 10)) == sorted(ACCOUNTS)


def test_progress_forgets_whose_limits_it_has_met() -> None:
    agent = Agent("s:1").changed(attempts={"limited_models": ("opus",), "rescues": 2})
    assert agent.attempts.after_progress().limited_models == agent.attempts.lifted().limited_models == ()
    assert agent.attempts.rebriefed().limited_models == ("opus",)


def test_a_client_that_does_not_answer_keeps_its_account_free_for_some_minutes_only(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = AccountStage(home)
    stage.install("codex")
    (home / "bin" / "codex").write_text(SILENT_CLIENT)
    monkeypatch.setenv("PATH", stage.path)
    found = unfit(Account("gpt", agent="codex"), load_settings(os.environ), os.environ, ask_seconds=0.3)
    assert found is not None
    assert (found.why, found.seconds) == (
        "codex did not say within 0.3 s whether it is logged in",
        NO_ANSWER_SECONDS,
    )


def test_a_client_that_knows_no_such_question_is_not_kept_from_work(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = AccountStage(home)
    stage.install("claude")
    (home / "bin" / "claude").write_text("#!/bin/sh\necho 'error: unknown command auth' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", stage.path)
    assert unfit(Account("mine", agent="claude"), load_settings(os.environ), os.environ) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recorded", ["", "own"])
def test_a_limit_of_one_kinds_own_login_is_none_of_anothers(
    home: Path, monkeypatch: pytest.MonkeyPatch, run_script: RunScript, kind: str, recorded: str
) -> None:
    AccountStage.with_clients(home, monkeypatch)
    resets_at = time.time() + 7200
    found = Classification(PaneState.RATE_LIMITED, "its limit is reached", resets_at=resets_at)
    note_wall(load_settings(os.environ), Agent("s:1", agent=kind, account=recorded), found, time.time())
    for other in ("claude", "codex"):
        done = run_script("cl", "--agent", other, "--dry-run")
        assert done.returncode == (8 if other == kind else 0), (other, done.stderr)
    shown = {one["agent"]: one["state"] for one in json.loads(run_script("balance", "--json").stdout)}
    assert shown == {"claude": "unknown"} | {kind: "capped"}
