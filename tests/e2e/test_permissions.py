"""Permission requests on the practice agent and the real client: answered by policy, or left to a person."""

from __future__ import annotations

import json

from tests.e2e.crew import Crew
from tests.waiting import wait_until


def asks_first(crew: Crew) -> None:
    """Agents of this stage are started in the mode that asks before it acts."""
    home = crew.stage.folder / "fleet"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text('permission_mode = "default"\n', encoding="utf-8")


def test_a_harmless_request_is_answered_and_a_hostile_one_is_a_decision(crew: Crew) -> None:
    asks_first(crew)
    window = crew.spawn("feat/asks", "[[bash git status --short && touch made.txt]] [[say Looked.]]")
    crew.wait_for_words(window, "Looked.")
    events = [json.loads(line) for line in (crew.stage.folder / "fleet" / "events.jsonl").read_text().splitlines()]
    allowed = [event for event in events if event["event"] == "permission"]
    assert [event["subject"] for event in allowed] == ["git status --short && touch made.txt"]

    assert crew.run("send-agent", window, "[[bash touch ../outside.txt; echo never]] [[say Done.]]").returncode == 0
    action = wait_until(lambda: decision(crew), 30, f"a decision\n{crew.screens()}")
    assert (action["kind"], action["dialog"]) == ("decision", "permission")
    shown = crew.run("answer-dialog", window)
    assert shown.returncode == 3, shown.stdout + shown.stderr
    assert not (crew.playground.repository.parent / "outside.txt").exists()
    refused = crew.run("answer-dialog", window, "--choose", "No")
    assert refused.returncode == 0, refused.stdout + refused.stderr


def decision(crew: Crew) -> dict[str, str]:
    done = crew.run("poll-cycle")
    assert done.returncode == 0, done.stderr
    found = [action for action in json.loads(done.stdout) if action["action"] == "dialog"]
    return found[0] if found else {}
