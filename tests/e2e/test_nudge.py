"""The reminder of an agent that stopped: what stands in it, and that it comes only at a prompt and not too often."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import load_settings
from fleetscripts.errors import Refusal
from fleetscripts.models import Action, ActionKind
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.resume import nudge
from tests.e2e.crew import Crew
from tests.e2e.quick import quick_crew, run_loop, said, wait_for_cycles
from tests.waiting import wait_until

CONFIG = "idle_threshold_seconds = 1\nnotify_desktop = false\n"


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(config=CONFIG) as made:
        yield made


def reminders(crew: Crew, window: str) -> list[str]:
    return [text for text in crew.said(window, "user") if "You have stopped" in text]


def nudge_now(crew: Crew, window: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Performs a nudge as the loop would, on whatever look it was planned."""
    with monkeypatch.context() as patch:
        for name, value in crew.stage.environment().items():
            patch.setenv(name, value)
        settings = load_settings(crew.stage.environment())
        fleet = Store(settings.state_file).read()
        agent = fleet.agent_for(window)
        assert agent is not None
        action = Action(window, agent.pane_id, "nudge", ActionKind.RECOVERY, "test")
        return nudge(Case(agent, action, fleet, settings, crew.stage.environment()))


@pytest.mark.stress
def test_it_names_objective_steps_pull_request_and_image_once_in_five_minutes(crew: Crew) -> None:
    image = crew.stage.folder / "layout.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    options = ["--step", "one", "--step", "two", "--pr", "42", "--image", str(image)]
    window = crew.spawn("feat/stops", "Paint it. [[checkpoint one]] [[say I stop here.]]", *options)
    run_loop(crew)
    [text] = wait_until(lambda: reminders(crew, window), 30, "the reminder") or []
    assert "Paint it." in text
    assert "Steps that you have not reported yet: two." in text
    assert "gh pr view 42 --json title,body,headRefName" in text
    assert crew.agent(window)["image_path"] in text
    wait_for_cycles(crew, 4)
    assert len(reminders(crew, window)) == 1
    assert crew.agent(window)["nudges"] == 1


def test_what_was_planned_on_an_older_look_is_not_done(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    window = crew.spawn("feat/busy", "[[think 60]]")
    wait_until(lambda: not crew.resting(window), what="its turn")
    with pytest.raises(Refusal, match="expected it at prompt, found running"):
        nudge_now(crew, window, monkeypatch)
    said(crew, "interrupt-agent", window)
    with pytest.raises(Refusal, match="stopped by a person"):
        nudge_now(crew, window, monkeypatch)
    said(crew, "update-agent", window, "held=", f"last_rebriefed_at={int(time.time()) - 1}")
    with pytest.raises(Refusal, match="it was told"):
        nudge_now(crew, window, monkeypatch)
    said(crew, "update-agent", window, "last_rebriefed_at=0")
    assert "prompted to go on" in nudge_now(crew, window, monkeypatch)
    assert crew.agent(window)["nudges"] == 1


@pytest.mark.stress
def test_a_finished_agent_is_not_told_to_go_on(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    window = crew.spawn("feat/done", "[[done]]")
    crew.wait_for_words(window, "ORCHESTRATOR:DONE")
    wait_until(lambda: json.loads(said(crew, "classify-pane", window))["state"] == "complete", what="its end")
    with pytest.raises(Refusal, match="found complete"):
        nudge_now(crew, window, monkeypatch)
