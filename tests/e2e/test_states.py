"""classify-pane on a live agent through everything that can happen to it, checked against what was done to it."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.e2e.crew import Crew
from tests.waiting import wait_until


class WatchedAgent:
    """One spawned agent, what is typed to it, and what classify-pane says of it."""

    def __init__(self, crew: Crew, mode: str) -> None:
        (crew.stage.folder / "fleet").mkdir(exist_ok=True)
        (crew.stage.folder / "fleet" / "config.toml").write_text(f'permission_mode = "{mode}"\n', encoding="utf-8")
        self.crew = crew
        self.window = crew.spawn("feat/states", "[[say Ready.]]")
        crew.wait_for_words(self.window, "Ready.")
        self.pane: str = crew.agent(self.window)["pane_id"]

    def classify(self) -> dict[str, Any]:
        done = self.crew.run("classify-pane", self.pane)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def until(self, state: str, **more: object) -> dict[str, Any]:
        def as_wanted() -> dict[str, Any] | None:
            answer = self.classify()
            return answer if {"state": state, **more}.items() <= answer.items() else None

        return wait_until(as_wanted, 40, f"{state} {more}\n{self.crew.screens()}") or {}

    def say(self, text: str) -> None:
        """Types as a person would, once the box shows the text."""
        self.crew.stage.tmux("send-keys", "-l", "-t", self.pane, text)
        wait_until(lambda: text[:30] in self.screen(), 20, f"{text!r} in the box\n{self.screen()}")
        self.keys("Enter")

    def keys(self, *names: str) -> None:
        self.crew.stage.tmux("send-keys", "-t", self.pane, *names)

    def screen(self) -> str:
        return self.crew.stage.tmux("capture-pane", "-p", "-t", self.pane) or ""

    def clear(self) -> None:
        """Empties the box: an interrupted message is put back into it."""
        wait_until(lambda: "draft" not in (self.keys("C-u") or self.classify()), 20, "an empty box")

    def kill(self) -> None:
        pid = self.crew.registry(self.classify()["session_id"])["pid"]
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def watched(crew: Crew, request: pytest.FixtureRequest) -> WatchedAgent:
    return WatchedAgent(crew, getattr(request, "param", "manual"))


def test_turns_dialogs_drafts_and_completion(watched: WatchedAgent) -> None:
    watched.until("prompt")
    watched.say("[[think 60]]")
    assert watched.until("running")["source"] == "registry"
    watched.keys("Escape")
    assert watched.until("prompt")["draft"].startswith("[[think")
    watched.clear()
    watched.say("[[bash rm -rf ./nothing-there]]")
    watched.until("waiting_approval", dialog="permission")
    watched.keys("Escape")
    watched.until("prompt")
    watched.say("[[ask Which way?|A|B]]")
    watched.until("waiting_approval", dialog="question")
    watched.keys("Escape")
    watched.until("prompt")
    watched.say("[[checkpoint one]] [[done]]")
    assert watched.until("complete")["source"] == "transcript"
    watched.say("[[say More.]]")
    watched.until("prompt")


@pytest.mark.parametrize("crew", [pytest.param("claude", marks=pytest.mark.real_client)], indirect=True)
def test_views_and_menus_that_swallow_what_is_typed(watched: WatchedAgent) -> None:
    watched.keys("C-o")
    assert watched.until("waiting_approval", dialog="view")["source"] == "screen"
    watched.keys("C-o")
    watched.until("prompt")
    watched.say("/model")
    watched.until("waiting_approval")
    watched.keys("Escape")
    watched.until("prompt")
    before = watched.classify()["session_id"]
    watched.say("/clear")
    wait_until(lambda: watched.until("prompt")["session_id"] != before, 20, "another session")


def test_walls_errors_and_what_a_resume_redraws(watched: WatchedAgent) -> None:
    watched.say("[[credit]]")
    watched.until("api_error", error="billing")
    watched.clear()
    watched.say("[[ratelimit 3600]]")
    assert watched.until("rate_limited", source="transcript")["resets_at"] > 1_000_000_000
    session = watched.classify()["session_id"]
    watched.kill()
    assert watched.until("idle")["source"] == "process"
    watched.say(f"{watched.crew.stage.kind} --resume {session} --permission-mode manual")
    assert watched.until("prompt", session_id=session)
    assert "limit" in watched.screen()


@pytest.mark.parametrize("watched", ["bypassPermissions"], indirect=True)
def test_what_runs_behind_the_prompt(watched: WatchedAgent) -> None:
    watched.say("[[bgbash sleep 30]]")
    watched.until("prompt", background=True)
    watched.kill()
    watched.until("idle")
