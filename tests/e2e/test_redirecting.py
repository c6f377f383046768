"""An agent stopped, given another task, asked about and ended: with the practice agent and the real clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.conftest import CODEX
from tests.e2e.crew import Crew
from tests.e2e.quick import heartbeat, said
from tests.waiting import wait_until


def questions(crew: Crew) -> list[dict[str, Any]]:
    """Those that are drawn: the client's registry tells of one a moment before."""
    return [item for item in heartbeat(crew)["decisions"] if item["kind"] == "dialog" and "question" in item]


def stopped(crew: Crew, window: str) -> None:
    """Its turn is stopped by hand: its prompt stands without a draft, and it is held."""
    assert "the turn was stopped" in said(crew, "interrupt-agent", window)
    wait_until(lambda: crew.resting(window), 20, "its prompt")
    shown = json.loads(said(crew, "classify-pane", window))
    assert (shown["state"], shown.get("draft")) == ("prompt", None), crew.screens()
    assert crew.agent(window)["held"]


def test_an_agent_is_stopped_redirected_answered_and_ended(crew: Crew) -> None:
    window = crew.spawn("feat/redirected", "Think for long. [[think 60]]", "--step", "one")
    wait_until(lambda: not crew.resting(window), 20, lambda: f"its turn\n{crew.screens()}")
    stopped(crew, window)

    told = said(crew, "send-agent", window, "--task", "Ask first. [[ask Which colour?|Blue|Green]] [[say Painted.]]")
    assert "proof: transcript" in told
    agent = crew.agent(window)
    assert (agent["steps"], agent["checkpoints"], agent.get("held")) == ([], [], None)
    [question] = wait_until(lambda: questions(crew), 30, f"the question\n{crew.screens()}") or []
    assert "Which colour?" in " ".join(question["question"])
    assert question["rows"][:2] == ["Blue", "Green"]
    said(crew, "answer-dialog", window, "--choose", "Blue")
    crew.wait_for_words(window, "Painted.")
    wait_until(lambda: crew.resting(window), 20, "its prompt")

    session = agent["session_id"]
    assert "the client has ended" in said(crew, "interrupt-agent", window, "--kill")
    assert not crew.registry(session)
    found = heartbeat(crew)
    assert [item["kind"] for item in found["waiting"]] == ["held"]
    assert not crew.registry(session)


@pytest.mark.parametrize("crew", [CODEX], indirect=True)
def test_codex_too_is_adopted_stopped_redirected_and_ended(crew: Crew) -> None:
    window = crew.spawn("feat/redirected", "Think for long. [[think 60]]")
    wait_until(lambda: not crew.resting(window), 20, lambda: f"its turn\n{crew.screens()}")
    before = crew.agent(window)
    path = crew.stage.folder / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"agents": []}))
    assert (
        said(crew, "adopt-agent", before["pane_id"], "--objective", "Think for long.", "--step", "one") == f"{window}\n"
    )
    after = crew.agent(window)
    for name in ("agent", "session_id", "worktree_path", "branch", "pane_id"):
        assert after[name] == before[name]

    stopped(crew, window)

    told = said(crew, "send-agent", window, "--task", "Paint it. [[say Painted.]]")
    assert "proof: transcript" in told
    agent = crew.agent(window)
    assert (agent["objective"], agent["steps"], agent.get("held")) == ("Paint it. [[say Painted.]]", [], None)
    crew.wait_for_words(window, "Painted.")
    wait_until(lambda: crew.resting(window), 20, "its prompt")

    assert "the client has ended" in said(crew, "interrupt-agent", window, "--kill")
    assert crew.pid(window) is None
    assert [item["kind"] for item in heartbeat(crew)["waiting"]] == ["held"]
    assert crew.pid(window) is None
