"""What users and their languages bring along: a setting for screen readers, letters that a client writes otherwise, and
a background shell that was running as the client was killed."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.e2e.conftest import CLAUDE
from tests.e2e.crew import Crew
from tests.e2e.quick import said
from tests.waiting import wait_until

TEXTS = (
    "look at se\u0301ance.txt e\u0301te\u0301",
    "well done \U0001f44d\U0001f3fd indeed",
    "flag \U0001f3f4\U000e0067\U000e0062\U000e007f here",
    "می\u200cخواهم بروم",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 here",
    "한\u1100\u1161 \u0041\u030a",
    "e\u0301" * 200,
    "\U0001f44d\U0001f3ff" * 40,
)


def state(crew: Crew, window: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(crew, "classify-pane", window))
    return found


@pytest.mark.parametrize("crew", ["practice", pytest.param(*CLAUDE.values, marks=[*CLAUDE.marks, pytest.mark.stress])],
                         indirect=True)  # fmt: skip
def test_an_agent_is_read_written_to_and_brought_back(crew: Crew) -> None:
    (crew.stage.home / ".claude").mkdir(exist_ok=True)
    (crew.stage.home / ".claude" / "settings.json").write_text('{"axScreenReader": true}')
    window = crew.spawn("feat/ways", "Begin. [[say Begun.]]")
    crew.wait_for_words(window, "Begun.")
    wait_until(lambda: state(crew, window)["state"] == "prompt", 20, "its prompt")
    assert "❯" in (crew.stage.tmux("capture-pane", "-p", "-t", window) or "")

    for number, text in enumerate(TEXTS):
        assert "proof: " in said(crew, "send-agent", window, f"{text} [[say Read {number}.]]")
        crew.wait_for_words(window, f"Read {number}.")
        wait_until(lambda: crew.resting(window), 20, "its prompt")
    joined = "".join(crew.said(window, "user"))
    assert "می\u200cخواهم" in joined
    assert "\u200d\U0001f469" in joined

    said(crew, "send-agent", window, "Serve it. [[bgbash sleep 600]] [[say Served.]]")
    crew.wait_for_words(window, "Served.")
    wait_until(lambda: state(crew, window).get("background"), 20, "the shell behind the prompt")
    killed = wait_until(lambda: crew.pid(window), what="its client")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: state(crew, window)["state"] == "idle", 20, "its end")
    assert "resumed" in said(crew, "restore-agent", window)
    wait_until(lambda: state(crew, window)["state"] == "prompt", 40, "its prompt again")
    assert "proof: " in said(crew, "send-agent", window, "Go on. [[say Gone on.]]")
    crew.wait_for_words(window, "Gone on.")
