"""Agents at a usage limit: back at work on another account, or parked until the reset, and nobody asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.accounts import TOKENS, agents, crew_on_accounts, events, log
from tests.e2e.conftest import CLAUDE
from tests.e2e.crew import Crew
from tests.e2e.model_door import ask
from tests.waiting import wait_until

LAST = "[[say Two.]] [[checkpoint one]]"
PRACTICE = f"Do it. [[say One.]] [[ratelimit 3600]] {LAST}"
REAL = f"Do it. [[say One.]] [[bash until [ -e ../go ]; do sleep 0.1; done]] {LAST}"
"""The scripted model refuses a token, whoever uses it; a practice agent is refused by itself."""


@pytest.fixture(params=["practice", CLAUDE])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    with crew_on_accounts(request.param, 2) as made:
        yield made


def at_the_wall(crew: Crew, number: int) -> list[str]:
    """Agents in the middle of their work on one account, which is then refused; their windows."""
    script = PRACTICE if crew.stage.client is None else REAL
    windows = [crew.spawn(f"feat/{n}", script, "--account", "work", "--step", "one") for n in range(number)]
    for window in windows:
        crew.wait_for_words(window, "One.")
    if crew.stage.client is not None:
        ask(crew.stage, "wall", token=TOKENS["work"], seconds=3600)
        (crew.playground.root / "go").touch()
    wait_until(lambda: walled(crew, windows), 30, f"the walls\n{crew.screens()}")
    return windows


def walled(crew: Crew, windows: list[str]) -> bool:
    done = crew.run("poll-cycle")
    assert done.returncode == 0, done.stderr
    states = {agent["window"]: agent["state"] for agent in agents(crew)}
    return all(states[window] == "rate_limited" for window in windows)


def test_walled_agents_go_on_in_the_same_conversation_on_another_account(crew: Crew) -> None:
    windows = at_the_wall(crew, 2)
    before = [crew.agent(window) for window in windows]
    proposed = json.loads(crew.run("poll-cycle").stdout)
    assert [(action["kind"], action["action"], action["account"]) for action in proposed] == [
        ("recovery", "rescue", "spare")
    ] * 2
    crew.start_loop()
    for window in windows:
        crew.wait_for_words(window, "CHECKPOINT:one", 60)
    wait_until(lambda: "rescued 2 agents: 2 → spare; 0 parked" in log(crew), 30, "the notification")
    for known in before:
        agent = crew.agent(known["window"])
        kept = ("session_id", "pane_id", "worktree_path")
        assert {name: agent[name] for name in kept} == {name: known[name] for name in kept}
        assert (agent["account"], agent["rescued_from"]) == ("spare", "work")
        assert agent.get("rescue_stage", "") == ""
        said = crew.said(known["window"], "assistant")
        assert [text for text in said if text in ("One.", "Two.")] == ["One.", "Two."]
    assert log(crew).count("rescued 2 agents") == 1
    assert events(crew, "decision") == events(crew, "escalated") == []
