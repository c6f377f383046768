"""A new task in the same session: the agent is told and the record says so, or nothing has changed at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fleetscripts.commands import send_agent
from fleetscripts.services.spawning import follow_on
from tests.e2e.crew import Crew
from tests.e2e.quick import quick_crew, said
from tests.waiting import wait_until

SEEN = (
    "pane_",
    "last_seen",
    "last_output",
    "output_",
    "idle_since",
    "tool_",
    "worked_at",
    "window",
    "told_",
    "last_said",
)


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(config="notify_desktop = false\n") as made:
        yield made


def spawn_first(crew: Crew) -> str:
    window = crew.spawn("feat/first", "[[checkpoint one]] [[done]]", "--step", "one", "--pr", "5")
    crew.wait_for_words(window, "ORCHESTRATOR:DONE")
    wait_until(lambda: crew.resting(window), what="its prompt")
    said(crew, "poll-cycle")
    assert crew.agent(window)["checkpoints"] == ["one"]
    return window


def task_of(crew: Crew, window: str) -> dict[str, Any]:
    """The record without what every look changes."""
    return {name: value for name, value in crew.agent(window).items() if not name.startswith(SEEN)}


def head(crew: Crew, window: str) -> str:
    path = crew.agent(window)["worktree_path"]
    return crew.run_git("-C", path, "symbolic-ref", "--short", "HEAD").strip()


def test_a_new_task_takes_the_old_ones_place(crew: Crew) -> None:
    window = spawn_first(crew)
    said(crew, "update-agent", window, "revision_count=2", "state=escalated", "escalation=why")
    before = crew.agent(window)
    told = said(crew, "send-agent", window, "--task", "Another one. [[checkpoint two]]", "--step", "two", "--pr", "6")
    assert "proof: transcript" in told
    after = crew.agent(window)
    wanted = {"objective": "Another one. [[checkpoint two]]", "pr_number": "6", "steps": ["two"], "state": "running"}
    assert wanted.items() <= after.items()
    assert (after["checkpoints"], after["revision_count"]) == ([], 0)
    assert not {"escalation", "new_task", "last_verdict"} & set(after)
    assert after["task_started_at"] > before["task_started_at"]
    for name in ("session_id", "branch", "worktree_path", "spawned_at", "spare_branch"):
        assert after[name] == before[name]
    text = crew.said(window, "user")[-1]
    assert "Your earlier task is over." in text
    assert "CHECKPOINT:two" in text
    crew.wait_for_words(window, "CHECKPOINT:two")
    wait_until(lambda: crew.resting(window), what="its prompt")
    said(crew, "poll-cycle")
    assert crew.agent(window)["checkpoints"] == ["two"]


def test_refused_it_changes_nothing(crew: Crew) -> None:
    window = crew.spawn("feat/busy", "[[think 60]]", "--step", "one")
    before, branch = task_of(crew, window), head(crew, window)
    for options in ([], ["--branch", "feat/other"]):
        refusal = said(crew, "send-agent", window, "--task", "Another one.", *options, code=3)
        assert "expected it at its prompt" in refusal
    assert (task_of(crew, window), head(crew, window)) == (before, branch)
    assert len(crew.said(window, "user")) == 1
    for wrong in (["--task", " "], ["--task", "a", "b"], ["--pr", "5", "text"]):
        said(crew, "send-agent", window, *wrong, code=2)
    said(crew, "send-agent", window, "--task", "a", "--step", "pr-test", code=3)
    said(crew, "send-agent", "elsewhere:1", "--task", "a", code=1)


@pytest.mark.stress
def test_a_branch_is_checked_out_first_and_put_back_when_the_text_is_refused(crew: Crew) -> None:
    window = spawn_first(crew)
    pane = crew.agent(window)["pane_id"]
    before = task_of(crew, window)
    crew.stage.tmux("send-keys", "-l", "-t", pane, "a person's own half typed thought")
    wait_until(lambda: "half typed" in crew.screens(), what="the draft")
    assert "an unsent draft" in said(crew, "send-agent", window, "--task", "Next.", "--branch", "feat/two", code=3)
    assert (task_of(crew, window), head(crew, window)) == (before, "feat/first")
    assert "feat/two" not in crew.run_git("branch", "--list")
    crew.stage.tmux("send-keys", "-t", pane, "C-u")
    wait_until(lambda: "half typed" not in crew.screens(), what="an empty box")
    folder = crew.agent(window)["worktree_path"]
    (crew.playground.root / folder / "left.txt").write_text("not committed")
    assert "left.txt" in said(crew, "send-agent", window, "--task", "Next.", "--branch", "feat/two", code=3)
    (crew.playground.root / folder / "left.txt").unlink()
    said(crew, "send-agent", window, "--task", "Next.", "--branch", "feat/two")
    assert (crew.agent(window)["branch"], head(crew, window)) == ("feat/two", "feat/two")


def interrupt_at(monkeypatch: pytest.MonkeyPatch, crew: Crew, name: str, window: str) -> None:
    """Gives a task and dies as this function of ``follow_on`` is called; then lets two minutes pass."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for variable, value in crew.stage.environment().items():
            patch.setenv(variable, value)
        patch.setattr(follow_on, name, die)
        assert send_agent.main([window, "--task", "The new one. [[say Begun.]]", "--branch", "feat/two"]) == 130
    path = crew.stage.folder / "state.json"
    fleet = json.loads(path.read_text())
    fleet["agents"][0]["task"]["pending"]["at"] -= 200
    path.write_text(json.dumps(fleet))


@pytest.mark.parametrize(
    ("moment", "objective"), [("apply_task", "The new one. [[say Begun.]]"), ("deliver", "[[checkpoint one]] [[done]]")]
)
def test_a_crash_half_way_is_settled_by_what_the_agent_was_told(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, moment: str, objective: str
) -> None:
    window = spawn_first(crew)
    before = task_of(crew, window)
    interrupt_at(monkeypatch, crew, moment, window)
    assert "its sender crashed" in said(crew, "send-agent", window, "--task", "A third one.", code=3)
    said(crew, "run-loop", "--once")
    after = task_of(crew, window)
    assert after["objective"] == objective
    assert "new_task" not in after
    if moment == "deliver":
        for name in ("branch", "pr_number", "steps", "checkpoints", "task_started_at", "revision_count"):
            assert after[name] == before[name]
        assert head(crew, window) == "feat/first"
        assert "feat/two" not in crew.run_git("branch", "--list")
    else:
        assert (after["branch"], head(crew, window), after["checkpoints"]) == ("feat/two", "feat/two", [])
        assert sum("The new one." in text for text in crew.said(window, "user")) == 1


@pytest.mark.stress
def test_two_givers_at_once_give_one_task(crew: Crew) -> None:
    window = spawn_first(crew)
    with ThreadPoolExecutor() as pool:
        texts = [f"Task number {number}. [[think 30]]" for number in range(3)]
        codes = list(pool.map(lambda text: crew.run("send-agent", window, "--task", text).returncode, texts))
    assert sorted(codes) == [0, 3, 3]
    winner = codes.index(0)
    assert crew.agent(window)["objective"] == f"Task number {winner}. [[think 30]]"
    assert [f"number {winner}" in text for text in crew.said(window, "user")[1:]] == [True]
