"""Tasks in files: an agent for each, by priority, never two, and the finished ones moved away with their outcome."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.crew import Crew
from tests.e2e.quick import heartbeat, quick_crew, run_loop, said
from tests.places import BUNDLE
from tests.records import flat
from tests.waiting import wait_until


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(spares=3, config="notify_desktop = false\n") as made:
        yield made


def pending(crew: Crew) -> Path:
    return crew.stage.home / "captain" / "tasks" / "pending"


def archived(crew: Crew) -> list[str]:
    return sorted(path.name for path in (pending(crew).parent / "archived").glob("*"))


def add(crew: Crew, name: str, text: str, *options: str) -> None:
    where = ["--agent", "practice", "--repo", str(crew.playground.repository)]
    assert said(crew, "tasks", "add", name, text, *where, *options).strip() == str(pending(crew) / f"{name}.task")


def agents(crew: Crew) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((crew.stage.folder / "state.json").read_text())["agents"]
    return [flat(agent) for agent in found]


def listed(crew: Crew) -> dict[str, tuple[str, str]]:
    tasks = json.loads(said(crew, "tasks", "list", "--json"))["tasks"]
    return {task["name"]: (task["state"], task["why"]) for task in tasks}


def finish(crew: Crew, window: str) -> None:
    """As evaluate does."""
    path = crew.stage.folder / "state.json"
    fleet = json.loads(path.read_text())
    next(agent for agent in fleet["agents"] if agent["window"] == window)["state"] = "done"
    path.write_text(json.dumps(fleet))


def test_tasks_are_begun_by_priority_while_spares_last_and_archived_when_done(crew: Crew) -> None:
    add(crew, "low", "Low. [[say Hi.]]", "--priority", "-1")
    add(crew, "first", "First. [[say Hi.]]", "--priority", "9", "--branch", "feat/first", "--step", "one", "--pr", "7")
    add(crew, "second", "Second. [[say Hi.]]", "--after", "first")
    add(crew, "third", "Third. [[say Hi.]]")
    add(crew, "fourth", "Fourth. [[say Hi.]]")
    (pending(crew) / "evil.task").write_text("---\nbranch: x\nrun: rm -rf /\n---\nDo it.\n")
    (pending(crew) / "link.task").symlink_to("/etc/passwd")
    assert "1 pending task" not in said(crew, "heartbeat")
    lines = said(crew, "tasks", "dispatch", "--session", "fleet")
    begun = [agent["task"] for agent in agents(crew)]
    assert begun == ["first", "fourth", "third"]
    assert "evil.task:3: expected one of branch, pr" in lines
    assert "symbolic link" in lines
    assert "low: " in lines
    assert "no spare worktree" in lines
    first = agents(crew)[0]
    assert (first["branch"], first["pr_number"], first["steps"]) == ("feat/first", "7", ["one"])
    assert agents(crew)[1]["branch"] == "task/fourth"
    assert said(crew, "tasks", "dispatch", code=3) == ""
    assert listed(crew) == {
        "first": ("working", f"{first['window']}: running"),
        "fourth": ("working", f"{agents(crew)[1]['window']}: running"),
        "second": ("waiting", "after first"),
        "third": ("working", f"{agents(crew)[2]['window']}: running"),
        "low": ("ready", ""),
    }
    assert "an agent works on it" in said(crew, "tasks", "archive", "third", "--outcome", "dropped", code=3)
    finish(crew, first["window"])
    kinds = [item["kind"] for item in heartbeat(crew)["decisions"]]
    assert sorted(kinds) == ["task_problem", "task_problem", "tasks"]
    assert archived(crew) == ["first.task", "first.task.json"]
    outcome = json.loads((pending(crew).parent / "archived" / "first.task.json").read_text())
    wanted = {"outcome": "done", "branch": "feat/first", "window": first["window"]}
    assert wanted.items() <= outcome.items()
    assert listed(crew)["second"][0] == "ready"
    said(crew, "tasks", "archive", "low", "--outcome", "dropped")
    assert "low.task" in archived(crew)


def dispatcher(crew: Crew) -> subprocess.Popen[str]:
    argv = [
        sys.executable,
        "-I",
        str(BUNDLE / "fleetscripts" / "__main__.py"),
        "tasks",
        "dispatch",
        "--session",
        "fleet",
    ]
    environment = crew.stage.environment()
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_two_dispatchers_at_once_begin_no_task_twice(crew: Crew) -> None:
    for name in ("a", "b"):
        add(crew, name, f"Task {name}. [[say Hi.]]")
    both = [dispatcher(crew) for _ in range(2)]
    said_by = [process.communicate(timeout=120)[0] for process in both]
    assert sorted(agent["task"] for agent in agents(crew)) == ["a", "b"], said_by
    assert sum(text.count(": begun in ") for text in said_by) == 2, said_by


def test_a_new_task_for_its_agent_does_not_begin_a_finished_one_again(crew: Crew) -> None:
    add(crew, "a", "A. [[say Hi.]]")
    add(crew, "b", "B. [[say Hi.]]", "--priority", "-1")
    said(crew, "tasks", "dispatch", "--session", "fleet")
    first, second = (agent["window"] for agent in agents(crew))
    finish(crew, first)
    for window in (first, second):
        crew.wait_for_words(window, "Hi.")
        told = crew.run(
            "send-agent", window, "--task", "Something else. [[say Done else.]]", "--branch", f"x/{window[-1]}"
        )
        assert told.returncode == 0, told.stderr
        assert ("b is pending again" in told.stderr) == (window == second), told.stderr
    assert archived(crew) == ["a.task", "a.task.json"]
    assert listed(crew) == {"b": ("ready", "")}


@pytest.mark.stress
def test_a_dispatcher_that_dies_keeps_no_task_and_a_broken_task_keeps_no_other_back(crew: Crew) -> None:
    add(crew, "a-broken", "Never begins.", "--branch", "main", "--priority", "5")
    add(crew, "good", "Begins. [[say Hi.]]")
    process = dispatcher(crew)
    claims = crew.stage.folder / "fleet" / "task-claims"
    wait_until(lambda: list(claims.glob("*.json")), 30, "a claim")
    process.kill()
    process.wait()
    lines = said(crew, "tasks", "dispatch", "--session", "fleet")
    assert "a-broken: could not be started:" in lines
    assert [agent["task"] for agent in agents(crew)] == ["good"]
    state, why = listed(crew)["a-broken"]
    assert (state, "could not be started" in why) == ("pausing", True)
    (pending(crew) / "a-broken.task").write_text("---\nagent: practice\n---\nMended.\n")
    assert listed(crew)["a-broken"] == ("ready", "")


def test_one_cycle_with_dispatch_begins_what_waits(crew: Crew) -> None:
    crew.spawn("feat/own", "[[think 90]]")
    add(crew, "one", "One. [[think 90]]")
    written = pending(crew) / "one.task"
    os.utime(written, (written.stat().st_mtime - 60,) * 2)
    said(crew, "run-loop", "--once", "--dispatch")
    assert [agent.get("task", "") for agent in agents(crew)] == ["", "one"]


@pytest.mark.stress
def test_the_loop_keeps_the_fleet_full(crew: Crew) -> None:
    window = crew.spawn("feat/own", "[[think 90]]")
    run_loop(crew, "--dispatch")
    add(crew, "one", "One. [[think 90]]")
    add(crew, "two", "Two. [[think 90]]")
    add(crew, "three", "Three. [[think 90]]")
    wait_until(lambda: len(agents(crew)) == 3, 60, "two more agents")
    assert {agent.get("task", "") for agent in agents(crew)} == {"", "one", "three"}
    finish(crew, window)
    said(crew, "recycle-agent", window, "--force")
    log = crew.stage.folder / "fleet" / "loop.log"
    wait_until(lambda: "task two: begun in" in log.read_text(), 60, "the last one")
    assert any(agent.get("task") == "two" for agent in agents(crew))
    assert log.read_text().count("has no spare worktree") <= 2, "told once, not with every round"
