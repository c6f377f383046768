"""What a test run found reaches the agent, once, with the scenario and what is missing; then it is at work again."""

from __future__ import annotations

import json

import pytest

from tests.e2e.crew import Crew
from tests.waiting import wait_until

on_practice = pytest.mark.parametrize("crew", ["practice"], indirect=True)


def queued(crew: Crew, window: str) -> None:
    crew.run("update-agent", "--top", "repo=acme/widget")
    crew.run("update-agent", window, "pr_number=12", "state=pending_evaluation")
    added = crew.run("test-queue", "add", window)
    assert added.returncode == 0, added.stderr


@on_practice
def test_a_partial_result_sets_the_agent_back_to_work(crew: Crew) -> None:
    window = crew.spawn("feat/button", "Add the Apply button. [[say The button is there.]]")
    crew.wait_for_words(window, "The button is there.")
    queued(crew, window)
    done = crew.run("test-queue", "done", window, "S1 (login)=PASS", "S5 (Apply button)=PARTIAL: it never appeared")
    assert done.returncode == 0, done.stderr
    assert f"{window} was notified and is running again (proof: transcript)" in done.stdout
    agent = crew.agent(window)
    assert (agent["state"], agent["revision_count"]) == ("running", 1)
    (told,) = [text for text in crew.said(window, "user") if "/pr-test" in text]
    assert "- PARTIAL: S5 (Apply button): it never appeared" in told
    assert "PARTIAL counts as FAIL" in told
    assert "Add the Apply button." in told
    assert "S1" not in told
    journal = (crew.stage.folder / "fleet" / "events.jsonl").read_text().splitlines()
    (ended,) = [event for event in map(json.loads, journal) if event["event"] == "test-ended"]
    assert (ended["window"], ended["why"], ended["pull"]) == (window, "not all pass", "acme/widget#12")
    again = crew.run("test-queue", "done", window)
    assert again.returncode == 2
    assert len([text for text in crew.said(window, "user") if "/pr-test" in text]) == 1


@on_practice
def test_an_agent_behind_a_dialog_is_told_later(crew: Crew) -> None:
    window = crew.spawn("feat/button", "Add the Apply button. [[say The button is there.]]")
    crew.wait_for_words(window, "The button is there.")
    queued(crew, window)
    crew.run("send-agent", window, "[[ask Which colour?|Blue|Green]]")
    wait_until(lambda: "Blue" in crew.run("answer-dialog", window).stdout, 20, "the question")
    refused = crew.run("test-queue", "done", window, "S5=FAIL: nothing there")
    assert refused.returncode == 8, refused.stdout + refused.stderr
    assert f"test-queue done {crew.agent(window)['worktree']}" in refused.stderr
    assert crew.agent(window)["state"] == "pending_evaluation"
    assert crew.run("answer-dialog", window, "--choose", "Blue").returncode == 0
    told = wait_until(lambda: (d := crew.run("test-queue", "done", window)).returncode == 0 and d, 20, crew.screens())
    assert f"{window} was notified" in told.stdout
    assert crew.agent(window)["state"] == "running"
