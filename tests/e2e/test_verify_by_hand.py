"""A verification by hand before any cycle: it reads what the agent has reached, and leads where the loop's leads."""

from __future__ import annotations

from tests.e2e.crew import Crew
from tests.waiting import wait_until


def test_what_was_reached_is_read_from_the_conversation(crew: Crew) -> None:
    window = crew.spawn("feat/by-hand", "[[checkpoint one]] [[done]]", "--step", "one")
    wait_until(lambda: crew.resting(window), what="the end of its turn")
    crew.wait_for_words(window, "ORCHESTRATOR:DONE")
    done = crew.run("verify-complete", window)
    assert "pass    steps" in done.stdout, done.stdout + done.stderr
    assert crew.agent(window)["checkpoints"] == ["one"]
    wanted = "pending_evaluation" if done.returncode == 0 else "complete"
    assert crew.agent(window)["state"] == wanted
    assert ("waits for evaluation" in done.stderr) == (done.returncode == 0)
