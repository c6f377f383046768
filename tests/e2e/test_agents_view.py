"""The agents view of Claude Code: a key at an empty prompt moves an agent's conversation into a background process.

What was moved is seen, told and followed; no agent's processes are ended with another's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CLAUDE
from tests.e2e.crew import Crew
from tests.e2e.quick import said
from tests.waiting import wait_until

NEWER = 332
"""Of 2.1: earlier releases have the view, and tell less of what was moved."""


def classified(crew: Crew, handle: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(crew, "classify-pane", handle))
    return found


def moved(crew: Crew, window: str) -> tuple[int, str]:
    """The agent's client after the key, and the job that it says its conversation is now."""
    crew.stage.tmux("send-keys", "-t", window, "Left")
    session = crew.agent(window)["session_id"]
    job = wait_until(lambda: crew.registry(session).get("parkedJobId"), 20, "the job in its record")
    wait_until(lambda: classified(crew, window).get("dialog") == "view", 20, "the view on the screen")
    return crew.registry(session)["pid"], job


def holder(crew: Crew, job: str) -> int:
    for path in (crew.stage.home / ".claude" / "sessions").glob("*.json"):
        record = json.loads(path.read_text() or "{}")
        if record.get("jobId") == job and Path(f"/proc/{record['pid']}").exists():
            return int(record["pid"])
    return 0


@pytest.mark.stress
@pytest.mark.parametrize("crew", [CLAUDE], indirect=True)
def test_a_conversation_that_was_moved_is_followed_and_nobody_elses_is_ended(crew: Crew) -> None:
    assert crew.stage.client is not None
    version = subprocess.run([crew.stage.client, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.split()[0].split(".")[2]) < NEWER:
        pytest.skip(f"only for Claude Code 2.1.{NEWER} and later")
    windows = [crew.spawn(f"feat/{name}", "Say hi. [[say Hello.]]") for name in ("one", "two")]
    one, two = (crew.agent(window)["worktree"] for window in windows)
    for window in windows:
        crew.wait_for_words(window, "Hello.")
        wait_until(lambda window=window: crew.resting(window), 20, "its prompt")
    sessions = [crew.agent(window)["session_id"] for window in windows]
    places = [moved(crew, window) for window in windows]

    view = classified(crew, one)
    assert (view["state"], view.get("draft")) == ("waiting_approval", None)
    assert "a view" in said(crew, "poll-cycle", "--text")
    assert "view" in said(crew, "send-agent", one, "Not here.", code=3)

    for window, name in zip(windows, (one, two), strict=True):
        crew.stage.tmux("send-keys", "-t", window, "Escape")
        wait_until(lambda name=name: classified(crew, name)["state"] == "prompt", 20, "its prompt again")
        assert "proof: " in said(crew, "send-agent", name, "Go on. [[say Moved.]]")
    said(crew, "poll-cycle")
    for window, session, (_, job) in zip(windows, sessions, places, strict=True):
        agent = crew.agent(window)
        assert agent["session_id"].startswith(job)
        assert session in agent["session_ids"]
        crew.wait_for_words(window, "Moved.")

    holders = [holder(crew, job) for _, job in places]
    said(crew, "recycle-agent", one, "--force")
    assert not Path(f"/proc/{holders[0]}").exists()
    assert Path(f"/proc/{holders[1]}").exists()
    assert "proof: " in said(crew, "send-agent", two, "Still there? [[say Still.]]")

    os.kill(places[1][0], signal.SIGKILL)
    wait_until(lambda: classified(crew, two)["state"] == "idle", 20, "its client's end")
    wait_until(lambda: "resumed" in crew.run("restore-agent", two).stdout, 30, "its restoring")
    assert not Path(f"/proc/{holders[1]}").exists()
    wait_until(lambda: classified(crew, two)["state"] == "prompt", 30, "its prompt, told to go on")
    assert "proof: " in said(crew, "send-agent", two, "And back? [[say Back.]]")
    assert len({agent["session_id"] for agent in map(crew.agent, windows)}) == 2
