"""The text that a stalled agent gets: what it needs to go on, and nothing that a terminal or a template would obey."""

from __future__ import annotations

from fleetscripts.fleet import Agent
from fleetscripts.record import Task
from fleetscripts.services.briefing.briefing import Brief, briefing, nudge

STALLED = Agent(
    "s:1",
    objective="Paint {it} $(now).",
    steps=("one", "two"),
    checkpoints=("one",),
    pr_number="42",
    task=Task(image="/i.png"),
)


def test_a_reminder_has_the_objective_missing_steps_pull_request_and_image() -> None:
    text = nudge(STALLED)
    for part in (
        "Paint {it} $(now).",
        "Steps that you have not reported yet: two.",
        "gh pr view 42 --json title,body,headRefName",
        "/i.png",
    ):
        assert part in text
    assert "one" not in text.replace("done", "").split("not reported yet: ")[1].split(".")[0]


def test_what_an_agent_does_not_have_is_not_spoken_of() -> None:
    text = nudge(Agent("s:1", objective="Paint it."))
    for part in ("Steps", "gh pr view", "image"):
        assert part not in text


def test_a_follow_on_begins_with_the_end_of_the_old_task() -> None:
    text = briefing(Brief("New one.", "/w", "feat/new", steps=("a",), opening="follow-on"))
    assert text.startswith("Your earlier task is over.")
    assert "New one." in text
    assert "CHECKPOINT:a" in text
    assert "ORCHESTRATOR:DONE" in text
