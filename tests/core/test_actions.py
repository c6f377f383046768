"""One row and one function are an action, as CONTRIBUTING says: planned, performed, told and drawn."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.core.planning.action_row import ESCALATE, LEAVE, ActionRow
from fleetscripts.core.planning.actions import ACTIONS, BY_NAME
from fleetscripts.core.planning.policy import CONDITIONS
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import ActionKind
from fleetscripts.record import Attempts, typed
from fleetscripts.services.actions.perform import performer_of
from tests.places import BUNDLE, TmuxServer

ROW = """
    ActionRow(
        "wave",
        Turn.NONE,
        (On(PaneState.IDLE, "always", "its pane is at a shell"),),
        performer="wave:wave",
        counter="nudges",
        words="waving to it",
        marks=(("waved", Mark.TOLD),),
        undone="not_waved_to",
        calls=("status {agent}",),
    ),
"""
FUNCTION = """
from fleetscripts.errors import Refusal
from fleetscripts.services.actions.case import Case


def wave(case: Case) -> str:
    if case.current().attempts.nudges:
        raise Refusal(f"{case.agent.window}: once is enough")
    case.change(attempts={"nudges": 1})
    return f"waved to {case.agent.worktree}"
"""


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The package as it is after somebody added the action; its ``__main__.py``."""
    return added(tmp_path, "wave", ROW, FUNCTION)


def added(tmp_path: Path, name: str, row: str, function: str) -> Path:
    package = tmp_path / "bundle" / "fleetscripts"
    shutil.copytree(BUNDLE / "fleetscripts", package, ignore=shutil.ignore_patterns("__pycache__"))
    table = package / "core" / "planning" / "actions.py"
    text, opening = table.read_text(encoding="utf-8"), "ACTIONS: tuple[ActionRow, ...] = ("
    assert text.count(opening) == 1
    table.write_text(text.replace(opening, opening + row), encoding="utf-8")
    (package / "services" / "actions" / f"{name}.py").write_text(function, encoding="utf-8")
    return package / "__main__.py"


LIMITED_ROW = """
    ActionRow(
        "praise",
        Turn.NONE,
        (
            On(
                PaneState.IDLE,
                "always",
                "it was begun long ago",
                fits=lambda agent, found: agent.worktree.startswith("tr") and not found.draft,
                since="task.started_at",
                after=1000,
            ),
        ),
        performer="praise:praise",
        most_times=2,
        every_seconds=3600,
        words="praising it",
    ),
"""
LIMITED_FUNCTION = """
from fleetscripts.services.actions.case import Case


def praise(case: Case) -> str:
    return f"praised {case.agent.worktree}"
"""


def run(main: Path, *arguments: str) -> str:
    argv = [sys.executable, "-I", str(main), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 8), f"{done.stdout}{done.stderr}"
    return done.stdout


def test_it_is_planned_performed_told_and_drawn(changed: Path, tmux_server: TmuxServer, home: Path) -> None:
    pane = tmux_server.new_session(command=["sh"])
    tmux = Tmux(tmux_server.socket)
    [facts] = tmux.panes()
    agent = Agent("?:0", "tree", str(home), branch="feat/a", spawned_at=1).at(facts, tmux.server())
    store = Store(home / "state.json")
    store.update(lambda _: Fleet(agents=(agent,)), create=Fleet())
    [planned] = json.loads(run(changed, "poll-cycle"))
    assert (planned["action"], planned["kind"], planned["pane_id"]) == ("wave", "recovery", pane)
    assert (planned["reason"], planned["tries"]) == ("its pane is at a shell", 0)
    run(changed, "run-loop", "--once")
    assert store.read().agents[0].attempts.nudges == 1
    lines = [json.loads(line) for line in (home / "fleet" / "events.jsonl").read_text().splitlines()]
    done = [(line["event"], line.get("outcome")) for line in lines if line.get("action") == "wave"]
    assert done == [("recovery-intended", None), ("recovery-ended", "waved to tree")]
    assert "waving to it (its pane is at a shell): waved to tree" in run(changed, "history", "tree")
    run(changed, "status", "--timeline")
    assert "waving to it" in (home / "fleet" / "timeline.svg").read_text()


def test_where_it_is_refused_a_heartbeat_says_so_with_its_call(
    changed: Path, tmux_server: TmuxServer, home: Path
) -> None:
    tmux_server.new_session(command=["sh"])
    tmux = Tmux(tmux_server.socket)
    [facts] = tmux.panes()
    agent = Agent("?:0", "tree", str(home), branch="feat/a", spawned_at=1).at(facts, tmux.server())
    waved = agent.changed(attempts={"nudges": 1})
    Store(home / "state.json").update(lambda _: Fleet(agents=(waved,)), create=Fleet())
    said = run(changed, "heartbeat")
    assert "its pane is at a shell; refused: fleet:0: once is enough" in said
    assert "status tree" in said


def test_condition_time_and_memory_of_an_action_stand_in_its_row(
    tmp_path: Path, tmux_server: TmuxServer, home: Path
) -> None:
    """It is planned once its time has come and while its condition holds, an hour after the last time, twice a task."""
    main = added(tmp_path, "praise", LIMITED_ROW, LIMITED_FUNCTION)
    tmux_server.new_session(command=["sh"])
    tmux = Tmux(tmux_server.socket)
    [facts] = tmux.panes()
    now = time.time()
    store = Store(home / "state.json")
    agent = Agent("?:0", "tree", str(home), branch="feat/a", spawned_at=1).at(facts, tmux.server())
    store.update(lambda _: Fleet(agents=(agent,)), create=Fleet())

    def planned(**parts: Any) -> list[str]:
        store.update(lambda fleet: fleet.change(fleet.agents[0], **parts))
        return [action["action"] for action in json.loads(run(main, "poll-cycle"))]

    def praised(times: int, seconds_ago: float) -> dict[str, Any]:
        return {"performed": {"praise": {"times": times, "at": now - seconds_ago}}}

    assert "praise" not in planned()
    assert "praise" not in planned(task={"started_at": now - 900})
    assert "praise" in planned(task={"started_at": now - 1001})
    assert "praise" not in planned(worktree="other")
    assert "praise" in planned(worktree="tree")
    run(main, "run-loop", "--once")
    told = store.read().agents[0].attempts.performed
    assert told is not None
    assert told["praise"]["times"] == 1
    assert "praise" not in planned()
    assert "praise" in planned(attempts=praised(1, 3601))
    assert "praise" not in planned(attempts=praised(2, 3601))
    assert "praise" in planned(attempts={"performed": {"praise": "damaged by hand"}})


@pytest.mark.parametrize("row", ACTIONS, ids=lambda row: row.name)
def test_a_row_names_only_what_there_is(row: ActionRow) -> None:
    assert {name for occasion in row.when for name in occasion.when.split("+")} <= set(CONDITIONS)
    assert {occasion.action for occasion in row.when} <= {None, LEAVE, ESCALATE, *BY_NAME}
    assert row.counter in {"", *typed(Attempts(), "Count")}
    assert all("{" not in call.format(agent="tree") for call in row.calls)
    if row.kind is ActionKind.DECISION:
        assert row.calls
        assert not row.performer
    elif row.performer:
        assert row.words
        assert callable(performer_of(row))


def test_no_two_rows_have_one_name() -> None:
    assert len(BY_NAME) == len(ACTIONS)
