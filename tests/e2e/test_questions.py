"""A dialog of several questions on the real client: read, answered by the texts of rows, submitted when read back."""

from __future__ import annotations

import json

import pytest

from tests.e2e.crew import Crew
from tests.waiting import comes, wait_until

ASK = "[[ask Which way?|Left|Right||Which files?*|Alpha|Beta, gamma|Delta||And then?|Stop|Go on]]"
pytestmark = [
    pytest.mark.real_client,
    pytest.mark.parametrize("crew", ["claude"], indirect=True),
]


def asked(crew: Crew, script: str) -> str:
    """The window of an agent that asks."""
    window = crew.spawn("feat/questions", script)
    wait_until(lambda: "questions:" in crew.run("answer-dialog", window, "--show").stdout, 30, crew.screens)
    return window


def answers(crew: Crew, window: str) -> list[str]:
    """What the client told the model that the user chose."""
    users = [json.dumps(record["message"]) for record in crew.transcript(window) if record["type"] == "user"]
    return [text for text in users if "tool_result" in text]


def pressed(crew: Crew, window: str, key: str, shown: str) -> bool:
    """Whether a key led to what it shows: just after it was drawn a dialog takes none."""
    pane = crew.agent(window)["pane_id"]
    crew.stage.tmux("send-keys", "-t", pane, key)
    return comes(lambda: shown in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), 1)


def test_each_question_is_answered_on_its_tab_and_all_are_submitted_last(crew: Crew) -> None:
    window = asked(crew, ASK)
    shown = crew.run("answer-dialog", window)
    assert shown.returncode == 3
    for text in ("3 questions: Q1, Q2, Q3", "Which way?", "2. [ ] Beta, gamma", "2. Go on"):
        assert f"| {text}" in shown.stdout.replace("❯ ", "").replace("|   ", "| "), shown.stdout
    for wrong in (("Right", "Alpha"), ("Right", "Alpha", "Elsewhere"), ("Chat about this", "Alpha", "Stop")):
        refused = crew.run("answer-dialog", window, *(word for text in wrong for word in ("--choose", text)))
        assert refused.returncode == 3, refused.stdout
        assert answers(crew, window) == []
    done = crew.run("answer-dialog", window, "--choose", "right", "--choose", "Beta, gamma", "--choose", "Go")
    assert done.returncode == 0, f"{done.stderr}\n{crew.screens()}"
    assert done.stdout.splitlines()[-3:] == ["chosen: Right", 'chosen: "Beta, gamma"', "chosen: Go on"]
    (said,) = wait_until(lambda: answers(crew, window), 20, crew.screens)
    assert all(text in said for text in ("Right", "Beta, gamma", "Go on"))
    assert not any(text in said for text in ("Left", "Alpha", "Delta", "Stop"))


@pytest.mark.stress
def test_what_somebody_had_chosen_before_is_chosen_anew(crew: Crew) -> None:
    window = asked(crew, "[[ask Which files?*|Alpha|Beta|Delta||And then?|Stop|Go on]]")
    for key, shown in (("Enter", "[✔] Alpha"), ("Right", "And then?")):
        wait_until(lambda key=key, shown=shown: pressed(crew, window, key, shown), 10, crew.screens)
    done = crew.run("answer-dialog", window, "--choose", "Delta, beta", "--choose", "Stop")
    assert done.returncode == 0, f"{done.stderr}\n{crew.screens()}"
    (said,) = wait_until(lambda: answers(crew, window), 20, crew.screens)
    assert "Beta, Delta" in said
    assert "Alpha" not in said


@pytest.mark.stress
def test_one_question_that_takes_several_rows(crew: Crew) -> None:
    window = asked(crew, "[[ask Which files?*|Alpha|Beta|Delta]]")
    done = crew.run("answer-dialog", window, "--choose", "Alpha, Delta")
    assert done.returncode == 0, f"{done.stderr}\n{crew.screens()}"
    (said,) = wait_until(lambda: answers(crew, window), 20, crew.screens)
    assert "Alpha, Delta" in said
