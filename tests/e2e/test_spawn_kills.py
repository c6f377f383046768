"""A spawn whose process is killed half-way: its task is neither lost nor begun twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.crew import Crew
from tests.e2e.quick import heartbeat, quick_crew, said
from tests.places import BUNDLE
from tests.records import flat
from tests.waiting import wait_until

DISPATCHER = f"""
import os, sys
sys.path.insert(0, {str(BUNDLE)!r})
from fleetscripts.services.spawning import spawn
place, _, name = sys.argv[1].rpartition(".")
module, after = getattr(spawn, place) if place else spawn, sys.argv[2] == "after"
real = getattr(module, name)
def dying(*words, **named):
    after and real(*words, **named)
    os._exit(9)
setattr(module, name, dying)
spawn.spawn.__defaults__ = tuple(dying if given is real else given for given in spawn.spawn.__defaults__)
from fleetscripts.commands.tasks import main
main(["dispatch", "--session", "fleet"])
"""
"""Dispatches, and dies as if killed before or after a function of ``spawn`` has done its work."""


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(config="notify_desktop = false\n") as made:
        where = ["--agent", "practice", "--repo", str(made.playground.repository)]
        said(made, "tasks", "add", "a", "Task a. [[think 60]]", *where)
        yield made


def dispatch_and_die(crew: Crew, when: str, function: str) -> None:
    argv = [sys.executable, "-c", DISPATCHER, function, when]
    died = subprocess.run(argv, env=crew.stage.environment(), capture_output=True, text=True, timeout=90, check=False)
    assert died.returncode == 9, died.stderr


def fleet(crew: Crew) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((crew.stage.folder / "state.json").read_text())
    return found


def two_minutes_pass(crew: Crew) -> None:
    state = fleet(crew)
    for agent in state["agents"]:
        agent["task"]["pending"]["at"] -= 121
    (crew.stage.folder / "state.json").write_text(json.dumps(state))


def standing(crew: Crew) -> str:
    [task] = json.loads(said(crew, "tasks", "list", "--json"))["tasks"]
    return str(task["state"])


@pytest.mark.parametrize(
    ("when", "function"), [("before", "at_prompt"), ("before", "deliver"), ("after", "deliver")], ids=str
)
def test_what_had_a_window_is_told_once_and_recorded(crew: Crew, when: str, function: str) -> None:
    dispatch_and_die(crew, when, function)
    assert standing(crew) == "working"
    assert heartbeat(crew)["nothing_to_report"], "its spawner may still be at it"
    two_minutes_pass(crew)
    review = heartbeat(crew)
    assert [line for line in review["repaired"] if "briefing" in line], review
    assert review["decisions"] == []
    [agent] = fleet(crew)["agents"]
    agent = flat(agent)
    assert (agent["task"], agent["branch"], agent["state"], "new_task" in agent) == ("a", "task/a", "running", False)
    wait_until(lambda: crew.said(agent["window"], "user"), what="its briefing")
    assert len(crew.said(agent["window"], "user")) == 1
    assert "no task is ready" in crew.run("tasks", "dispatch", "--session", "fleet").stdout


def test_an_undoing_that_was_cut_short_is_ended(crew: Crew) -> None:
    (crew.stage.folder / "bin" / "practice").write_text("#!/bin/sh\nexit 1\n")
    dispatch_and_die(crew, "before", "branching.put_back")
    two_minutes_pass(crew)
    assert [line for line in heartbeat(crew)["repaired"] if "rolled back" in line]
    assert fleet(crew)["agents"] == []
    assert standing(crew) == "ready"


def test_what_lost_its_window_before_it_was_told_is_undone(crew: Crew) -> None:
    dispatch_and_die(crew, "before", "deliver")
    [agent] = fleet(crew)["agents"]
    crew.stage.tmux("kill-window", "-t", agent["window_id"])
    two_minutes_pass(crew)
    assert [line for line in heartbeat(crew)["repaired"] if "rolled back" in line]
    assert fleet(crew)["agents"] == []
    assert agent["worktree_path"] in said(crew, "find-spare", str(crew.playground.repository))
    assert standing(crew) == "ready"
    assert ": begun in " in said(crew, "tasks", "dispatch", "--session", "fleet")


@pytest.mark.stress
def test_a_server_that_cannot_be_asked_undoes_nothing(crew: Crew) -> None:
    dispatch_and_die(crew, "before", "deliver")
    [agent] = fleet(crew)["agents"]
    folder, server = Path(agent["worktree_path"]), agent["tmux_server"]
    Path(server["socket"]).unlink()
    two_minutes_pass(crew)
    told = heartbeat(crew)
    assert not [line for line in told["repaired"] if "rolled back" in line], told
    said(crew, "restore-agent", "--all", code=3)
    assert [one["pane_id"] for one in fleet(crew)["agents"]] == [agent["pane_id"]]
    assert left_on(crew, "task/a") == folder
    os.kill(server["pid"], signal.SIGUSR1)
    wait_until(Path(server["socket"]).exists, what="the socket")
    panes = crew.stage.tmux("list-panes", "-a", "-F", "#{pane_id} #{pane_current_path}") or ""
    assert f"{agent['pane_id']} {folder}" in panes
    wait_until(lambda: [line for line in heartbeat(crew)["repaired"] if "briefing" in line], what="its briefing")


def test_what_was_never_told_its_task_is_not_restored_but_undone(crew: Crew) -> None:
    dispatch_and_die(crew, "before", "deliver")
    crew.stage.tmux("kill-server")
    restored = said(crew, "restore-agent", "--all")
    assert "rolled back, the worktree is spare again" in restored
    assert restored.endswith("1 undone\n")
    assert fleet(crew)["agents"] == []
    assert standing(crew) == "ready"


def left_on(crew: Crew, branch: str) -> Path:
    """The worktree that stands on this branch."""
    repository = Path(crew.playground.repository)
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True)
    [line] = [line for line in listed.stdout.splitlines() if f"[{branch}]" in line]
    return Path(line.split()[0])


def test_what_had_only_a_branch_is_spare_again_and_its_task_begun(crew: Crew) -> None:
    dispatch_and_die(crew, "after", "check_out")
    folder = left_on(crew, "task/a")
    begun = said(crew, "tasks", "dispatch", "--session", "fleet")
    assert f"{folder} was left half-way by a spawn: on spare/" in begun
    assert "a: begun in " in begun
    assert fleet(crew)["agents"][0]["branch"] == "task/a"


def test_what_somebody_has_worked_on_since_stays_as_it_is(crew: Crew) -> None:
    dispatch_and_die(crew, "after", "check_out")
    (left_on(crew, "task/a") / "mine").write_text("by hand")
    tried = crew.run("tasks", "dispatch", "--session", "fleet").stdout
    assert "could not be started: branch: the branch task/a is checked out" in tried
    assert (left_on(crew, "task/a") / "mine").read_text() == "by hand"
