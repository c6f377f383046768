"""Every form of usage limit that the services know, met by real clients: waited for when near, left when far."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.accounts import crew_on_accounts
from tests.e2e.conftest import program_of
from tests.e2e.crew import Crew
from tests.e2e.model_door import ask
from tests.recorder.claude_scenarios.limits import FORMS as CLAUDE_FORMS
from tests.recorder.claude_scenarios.limits import NO_LIMITS, limit_headers_of
from tests.recorder.codex_scenarios.limits import FORMS as CODEX_FORMS
from tests.recorder.releases import cache_directory, installed
from tests.waiting import wait_until

RELEASES = os.environ.get("FLEET_TEST_RELEASES", "claude codex").split()
"""The pinned ones meet some of the forms. ``claude:2.0.30``, any release of npm, meets all of them."""

USUAL = "five-hour opus credits-empty org-disabled no-plan one-model owner-credits"
CHOSEN = os.environ.get("FLEET_TEST_FORMS", "" if "FLEET_TEST_RELEASES" in os.environ else USUAL).split()

_CACHE = cache_directory()
"""Read when the tests are collected: each test then runs with a home of its own."""

NEAR_SECONDS, FAR_SECONDS = int(os.environ.get("FLEET_TEST_NEAR", "60")), 7200
"""Until a limit resets: one that is waited for, and one that is left. An agent has to be spawned before the near one
resets, which takes longer where much else runs."""


def claude_refusal(form: str, resets_at: int) -> Mapping[str, Any]:
    return {"headers": limit_headers_of(form, resets_at)}


def codex_refusal(form: str, resets_at: int) -> Mapping[str, Any]:
    body, headers = CODEX_FORMS[form]
    when = {"resets_at": resets_at, "resets_in_seconds": resets_at - int(time.time())}
    return {"body": {**when, **body}, "headers": headers}


FORMS: Mapping[str, tuple[tuple[str, ...], Callable[[str, int], Mapping[str, Any]]]] = {
    "claude": (tuple(form for form in CLAUDE_FORMS if form not in NO_LIMITS), claude_refusal),
    "codex": (tuple(CODEX_FORMS), codex_refusal),
}


@dataclass
class Run:
    """One agent at one form, and what became of it."""

    form: str
    window: str
    session: str
    words: str
    resets: bool
    near: str = ""
    far: str = ""


def key(form: str) -> str:
    return f"sk-ant-oat01-{form}"


def build_wall(crew: Crew, form: str, seconds: int) -> None:
    told = FORMS[crew.stage.kind][1](form, int(time.time()) + seconds)
    ask(crew.stage, "wall", token=key(form), seconds=seconds, refusal=told)


def await_limit(crew: Crew, window: str) -> dict[str, Any]:
    """The record of an agent, once it says that it stands at a limit."""

    def limited() -> dict[str, Any] | None:
        if crew.loops and crew.loops[-1].poll() is not None:
            assert crew.run("poll-cycle").returncode == 0
        agent = crew.agent(window)
        return agent if agent["state"] == "rate_limited" else None

    found = wait_until(limited, 60, lambda: f"the limit recorded: {crew.agent(window)}\n{crew.screens()}")
    return found or {}


def begin(crew: Crew, form: str) -> Run:
    """An agent whose first request is refused, for a while."""
    build_wall(crew, form, NEAR_SECONDS)
    window = crew.spawn(f"feat/{form}", "Do it. [[say One.]]", "--account", form, "--step", "one")
    if not crew.loops:
        crew.start_loop()
    agent = await_limit(crew, window)
    return Run(form, window, agent["session_id"], agent.get("reason", ""), bool(agent.get("resets_at")))


def spoke(crew: Crew, run: Run, words: str, seconds: float) -> None:
    wait_until(
        lambda: any(words in text for text in crew.said(run.window, "assistant")),
        seconds,
        lambda: f"{words!r} of {run}\n{crew.agent(run.window)}\n{crew.log()}\n{crew.screens()}",
    )


def goes_on_by_itself(crew: Crew, run: Run) -> None:
    """Where it was once its limit has reset, or at once on another account where nothing says when it does."""
    spoke(crew, run, "One.", NEAR_SECONDS + 300)
    agent = crew.agent(run.window)
    if not run.resets:
        assert (agent["account"] != run.form, agent["session_id"]) == (True, run.session)
        run.near = "left at once"
        return
    assert (agent["account"], agent["session_id"]) == (run.form, run.session), "nobody moved it"
    run.near = (
        "prompted to go on"
        if any((one["window"], one["action"]) == (run.window, "wake") for one in crew.events("recovery-ended"))
        else "by itself"
    )


def goes_on_elsewhere(crew: Crew, run: Run) -> None:
    spoke(crew, run, "CHECKPOINT:one", 240)
    wait_until(lambda: not crew.agent(run.window).get("rescue_stage"), 60, "the end of its rescue")
    agent = crew.agent(run.window)
    said = [text for text in crew.said(run.window, "assistant") if text in ("One.", "Two.")]
    assert (agent["account"], agent["session_id"], said) == ("spare", run.session, ["One.", "Two."]), crew.log()
    run.far = f"{run.form} → {agent['account']}"


@pytest.mark.stress
@pytest.mark.real_client
@pytest.mark.parametrize("release", RELEASES)
def test_at_each_form_of_limit_an_agent_waits_for_a_near_reset_and_leaves_for_a_far_one(
    release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_CLIENTS", str(_CACHE))
    kind, _, number = release.partition(":")
    program = installed(kind, number) / kind if number else program_of(kind)
    forms = [form for form in FORMS[kind][0] if form in CHOSEN or (number and not CHOSEN)]
    tokens = {name: key(name) for name in (*forms, "spare")}
    with crew_on_accounts(kind, len(forms), tokens, program) as crew:
        runs = [begin(crew, form) for form in forms]
        for run in runs:
            goes_on_by_itself(crew, run)
        crew.loops[-1].terminate()
        crew.loops[-1].wait(20)
        runs_far = [run for run in runs if run.resets]
        for run in runs_far:
            wait_until(lambda window=run.window: crew.resting(window), 60, "the end of its turn")
            build_wall(crew, run.form, FAR_SECONDS)
            done = crew.run("send-agent", run.window, "[[say Two.]] [[checkpoint one]]")
            assert done.returncode == 0, done.stdout + done.stderr
        for run in runs_far:
            await_limit(crew, run.window)
        ledger = json.loads((crew.stage.folder / "fleet" / "ledger.json").read_text())["accounts"]
        crew.start_loop()
        for run in runs_far:
            goes_on_elsewhere(crew, run)
        assert crew.events("escalated") == []
        print(f"\n{release}: {len(runs)} forms of limit")
        for run in runs:
            windows = ", ".join(ledger.get(run.form, {})) or "no window"
            print(f"  {run.form:22} {windows:28} near: {run.near:16} far: {run.far:34} {run.words}")


@pytest.mark.stress
@pytest.mark.real_client
def test_an_agent_whose_next_account_refuses_another_model_is_parked_and_not_sent_back() -> None:
    with crew_on_accounts("claude", 1, {name: key(name) for name in ("opus", "sonnet")}) as crew:
        build_wall(crew, "opus", FAR_SECONDS)
        window = crew.spawn("feat/a", "Do it. [[say One.]]", "--account", "opus", "--step", "one")
        crew.start_loop()
        crew.wait_for_words(window, "One.", 120)
        wait_until(lambda: not crew.agent(window).get("rescue_stage"), 60, lambda: f"the end of its move\n{crew.log()}")
        assert crew.agent(window)["account"] == "sonnet"
        crew.loops[-1].terminate()
        crew.loops[-1].wait(60)
        wait_until(lambda: crew.resting(window), 60, "the end of its turn")
        build_wall(crew, "sonnet", FAR_SECONDS)
        done = crew.run("send-agent", window, "[[say Two.]]")
        assert done.returncode == 0, done.stdout + done.stderr
        await_limit(crew, window)
        proposed = json.loads(crew.run("poll-cycle").stdout)
        assert [action["action"] for action in proposed] == ["park"], proposed
        agent = crew.agent(window)
        assert (agent["account"], agent["attempts"]["limited_models"]) == ("sonnet", ["opus"])
        assert agent["parked_until"] > time.time()
        assert len([event for event in crew.events("recovery-ended") if event["action"] == "rescue"]) == 1
