"""Tasks that are repeated: the next one begins when it is due and the last one has ended, a missed one once."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.commands import tasks
from fleetscripts.core.planning.repeat import due_at, is_period
from fleetscripts.core.records.task_file import TaskProblem, parse, write

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN).timestamp()
"""The day before its clocks are set back."""


@pytest.mark.parametrize(
    ("every", "last", "due"),
    [
        ("90m", "2026-10-24 11:00", "2026-10-24 12:30"),
        ("12h", "2026-10-24 10:00", "2026-10-24 22:00"),
        ("1d", "2026-10-24 07:00", "2026-10-25 07:00"),
        ("1w", "2026-10-20 07:00", "2026-10-27 07:00"),
        ("1d", "2026-10-01 07:00", "2026-10-02 07:00"),
        ("0 7 * * *", "2026-10-24 07:00", "2026-10-25 07:00"),
        ("0 7 * * 1", "2026-10-24 07:00", "2026-10-26 07:00"),
        ("30 2 * * *", "2026-10-24 02:30", "2026-10-25 02:30"),
        ("1h", "2027-01-01 00:00", "2026-10-24 13:00"),
    ],
)
def test_the_time_of_day_stays_and_a_clock_that_was_set_back_is_waited_for_no_longer_than_once(
    every: str, last: str, due: str
) -> None:
    began = datetime.fromisoformat(last).replace(tzinfo=BERLIN).timestamp()
    found = datetime.fromtimestamp(due_at(every, began, NOW, BERLIN), BERLIN)
    assert f"{found:%Y-%m-%d %H:%M}" == due


@given(st.floats(0, 4e9), st.floats(0, 4e9), st.sampled_from(["1m", "5h", "3d", "2w", "*/5 * * * *", "0 0 1 * *"]))
def test_it_is_due_after_the_last_one_and_never_more_than_a_period_ahead(last: float, now: float, every: str) -> None:
    due = due_at(every, last, now, BERLIN)
    assert due > min(last, now)
    assert due - min(last, now) <= 32 * 86_400


@pytest.mark.parametrize(
    "text", ["", "0m", "1", "d", "1y", "-1d", "1.5h", "* * * *", "60 * * * *", "0 0 31 2 *", "1d 2h"]
)
def test_what_is_no_period_is_told_with_its_line(text: str) -> None:
    assert not is_period(text)
    with pytest.raises(TaskProblem, match=r"^t\.task:2: expected"):
        parse("t", f"---\nevery: {text}\n---\nDo it.\n")


def test_a_file_keeps_its_period_and_each_run_has_a_branch_of_its_own() -> None:
    task = parse("t", "---\nevery: 0  7 * * 1-5\nbranch: chores\n---\nDo it.\n")
    assert parse("t", write(task)) == task
    assert task.every == "0 7 * * 1-5"
    assert (task.branch_at(0.0), task.branch_at(86_400.0)) == ("chores-19700101-000000", "chores-19700102-000000")


class Folder:
    """Task files, and an agent's record."""

    def __init__(self, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.root, self.capsys = home, tmp_path / "tasks", capsys
        (home / "fleet").mkdir(mode=0o700)
        (home / "fleet" / "config.toml").write_text(f'tasks_folder = "{self.root}"\n')

    def add(self, *words: str) -> None:
        assert tasks.main(["add", "chores", "Do it.", *words]) == 0

    def agent(self, state: str, began: float) -> None:
        agent = {"window": "fleet:1", "id": "a1", "worktree": "w1", "state": state, "spawned_at": began}
        members = {"agents": [agent | {"task": {"file": "chores", "started_at": began}}]}
        (self.home / "state.json").write_text(json.dumps(members))

    def standing(self) -> dict[str, Any]:
        self.capsys.readouterr()
        assert tasks.main(["list", "--json"]) == 0
        (found,) = json.loads(self.capsys.readouterr().out)["tasks"]
        assert isinstance(found, dict)
        return found

    def archive(self, *words: str) -> None:
        assert tasks.main(["archive", *words]) == 0

    @property
    def archived(self) -> list[str]:
        return sorted(path.name for path in (self.root / "archived").glob("*.task"))


@pytest.fixture
def folder(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folder:
    return Folder(home, tmp_path, capsys)


def test_the_next_one_waits_for_its_time_and_for_the_last_one_to_end(folder: Folder) -> None:
    folder.add("--every", "1d")
    assert folder.standing()["state"] == "ready"
    folder.agent("running", time.time() - 3 * 86_400)
    assert folder.standing()["state"] == "working"
    folder.agent("done", time.time() - 3600)
    folder.archive()
    assert folder.archived == ["chores.task"]
    found = folder.standing()
    assert found["state"] == "waiting"
    assert found["why"].startswith("every 1d, again in 23h0") or found["why"].startswith("every 1d, again in 22h59")


def test_however_many_were_missed_one_begins(folder: Folder) -> None:
    folder.add("--every", "1h")
    for _ in range(2):
        folder.agent("done", time.time() - 10 * 3600)
        folder.archive()
        assert folder.standing()["state"] == "ready"
    assert folder.archived == ["chores.task", "chores~2.task"]
    folder.agent("done", time.time())
    folder.archive()
    assert folder.standing()["state"] == "waiting"


def test_after_the_clock_was_set_back_it_is_waited_for_once(folder: Folder) -> None:
    folder.add("--every", "1h")
    folder.agent("done", time.time() + 30 * 86_400)
    folder.archive()
    (note,) = (folder.home / "fleet" / "task-repeats").glob("*.json")
    for _ in range(2):
        assert folder.standing()["state"] == "waiting"
        assert json.loads(note.read_text())["began"] <= time.time()
    members = json.loads(note.read_text())
    note.write_text(json.dumps(members | {"began": members["began"] - 3601}))
    assert folder.standing()["state"] == "ready"


def test_archived_by_hand_it_is_repeated_no_more_and_added_again_it_begins_at_once(folder: Folder) -> None:
    folder.add("--every", "1d")
    folder.agent("done", time.time())
    folder.archive()
    folder.archive("chores", "--outcome", "dropped")
    assert not list((folder.root / "pending").glob("*.task"))
    folder.add("--every", "1d")
    assert folder.standing()["state"] == "ready"


def test_a_calendar_counts_from_the_file_on(folder: Folder) -> None:
    folder.add("--every", "0 0 1 1 *")
    assert folder.standing()["state"] == "waiting"
