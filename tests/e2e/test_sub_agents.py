"""A sub-agent of Codex, which writes a rollout of its own in the same process: it never takes its parent's place."""

from __future__ import annotations

import json

import pytest

from fleetscripts.agents.codex_session import is_sub_agents
from tests.e2e.conftest import CODEX
from tests.e2e.crew import Crew
from tests.waiting import wait_until

HELP = json.dumps({"task_name": "look_around", "message": "Look around, then say what you found."})
SCRIPT = f"Do it. [[say One.]] [[tool spawn_agent {HELP}]] [[say Two.]] [[checkpoint one]]"


@pytest.mark.stress
@pytest.mark.parametrize("crew", [CODEX], indirect=True)
def test_the_record_a_text_and_a_resume_stay_with_the_parent(crew: Crew) -> None:
    window = crew.spawn("feat/a", SCRIPT, "--step", "one")
    parent = wait_until(lambda: crew.agent(window)["session_id"], what="its conversation")
    crew.wait_for_words(window, "Two.", 60)

    def sub_agents() -> list[str]:
        rollouts = (crew.codex_home / "sessions").rglob("rollout-*.jsonl")
        return [path.name for path in rollouts if is_sub_agents(path)]

    wait_until(sub_agents, 30, lambda: f"the sub-agent's rollout\n{crew.screens()}\n{crew.transcript(window)[-6:]}")
    crew.start_loop()
    wait_until(lambda: crew.agent(window)["checkpoints"] == ["one"], 30, "its checkpoint")
    wait_until(lambda: crew.resting(window), 30, "the end of its turn")
    assert crew.agent(window)["session_id"] == parent

    def sent() -> bool:
        """The end of its sub-agent begins another turn of the parent's."""
        return crew.run("send-agent", window, "[[say Three.]]").returncode == 0

    wait_until(sent, 60, lambda: f"a text that arrives\n{crew.screens()}")
    crew.wait_for_words(window, "Three.")
    assert (crew.agent(window)["session_id"], crew.agent(window).get("session_ids", [])) == (parent, [])
