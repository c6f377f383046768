"""Task files: what they say, in which order they begin, and what is wrong with the others."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.task_folder import LARGEST_BYTES, TaskFolder
from fleetscripts.core.planning.task_plan import TaskStatus, standings
from fleetscripts.core.records.task_file import TaskFile, TaskProblem, parse, write
from fleetscripts.errors import UsageProblem
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState
from fleetscripts.record import Task

FULL = """---
# what is known
branch: feat/parser
pr: #123
steps: implement, "write tests"
agent: codex
repo: ~/src/project
priority: 5
after: [grammar, lexer.task]
---

Implement the parser.

--- as docs/parser.md says.
"""


def test_front_matter_and_text_are_told_apart() -> None:
    assert parse("parser", FULL) == TaskFile(
        "parser", "Implement the parser.\n\n--- as docs/parser.md says.", "feat/parser", "123",
        ("implement", "write tests"), "codex", "~/src/project", 5, ("grammar", "lexer"),
    )  # fmt: skip
    assert parse("plain", "Only text: with a colon\nbranch: no\n").work_branch == "task/plain"
    assert parse("lists", "---\nsteps:\n  - one\n  - two, three\n---\nx").steps == ("one", "two", "three")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a.task:1: expected the text of the task, found nothing"),
        ("---\npr: 5\n", "a.task:1: expected a line --- that ends the front matter, found nothing"),
        ("---\npr: 5\n---\n  \n", "a.task:4: expected the text of the task, found nothing"),
        ("---\npr: five\n---\nx", "a.task:2: expected a pull request's number, found 'five'"),
        ("---\n\npriority: 1.5\n---\nx", "a.task:3: expected a whole number as priority (more is sooner), found '1.5'"),
        ("---\nbranch:\n---\nx", "a.task:2: expected a value for branch, found nothing"),
        ("---\nbranch: a\nbranch: b\n---\nx", "a.task:3: expected branch once, found 'it again'"),
        ("---\nverify_command: rm -rf /\n---\nx", "found 'verify_command: rm -rf /'"),
        ("---\nafter: ../../etc/passwd\n---\nx", "a.task:2: expected names for after, with commas between"),
        ("---\nsteps: " + "x" * 200 + "\n---\nx", "a.task:2: expected names for steps"),
        ("---\nbranch: a\x1b[31m\n---\nx", "found 'a?[31m'"),
        ("x" * 200_001, "a.task:1: expected at most 200000 characters of text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(TaskProblem, match=re.escape(problem)):
        parse("a", text)


@given(st.text() | st.lists(st.text(alphabet="-: a\n[],'\"#br5", max_size=40)).map("---\n".join))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        task = parse("a", text)
    except TaskProblem as problem:
        said = str(problem)
    else:
        said = f"a.task:{task.objective.strip()}"
        assert task.objective
    assert said.startswith("a.task:")


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@given(
    st.builds(
        TaskFile,
        name=NAMES,
        objective=st.text(min_size=1, max_size=200).map(lambda text: text.replace("\r", "").strip()).filter(bool),
        branch=st.just("") | NAMES,
        pr_number=st.just("") | st.integers(0, 99999).map(str),
        steps=st.lists(NAMES, unique=True, max_size=4).map(tuple),
        agent=st.sampled_from(["", "codex"]),
        repo=st.sampled_from(["", "/src/a b"]),
        priority=st.integers(-50, 50),
        after=st.lists(NAMES, unique=True, max_size=4).map(tuple),
        not_before=st.just("") | st.dates(date(1971, 1, 1), date(2900, 1, 1)).map(str),
    )
)
def test_a_task_that_is_written_is_read_as_the_same(task: TaskFile) -> None:
    text = write(task)
    if not text.startswith("\ufeff"):
        assert parse(task.name, text) == task


def plan(*tasks: TaskFile, agents: tuple[Agent, ...] = (), **more: Any) -> dict[str, TaskStatus]:
    return {one.task.name: one for one in standings(tasks, agents, **({"archived": {}} | more))}


def test_priority_then_name_with_its_numbers() -> None:
    tasks = [TaskFile(name, "x", priority=p) for name, p in (("b10", 0), ("b9", 0), ("z", 7), ("a", -1), ("10", 0))]
    assert list(plan(*tasks)) == ["z", "10", "b9", "b10", "a"]


def test_a_task_waits_for_others_until_they_are_done() -> None:
    first, second = TaskFile("first", "x"), TaskFile("second", "x", after=("first",))
    assert {name: one.state for name, one in plan(first, second).items()} == {"first": "ready", "second": "waiting"}
    at_work = Agent("s:1", task=Task(file="first"), state=AgentState.PENDING_EVALUATION)
    assert plan(first, second, agents=(at_work,))["first"].state == "working"
    assert plan(first, second, agents=(at_work,))["second"].state == "waiting"
    done = Agent("s:1", task=Task(file="first"), state=AgentState.DONE)
    assert plan(first, second, agents=(done,))["second"].state == "ready"
    assert plan(second, archived={"first": "done"})["second"].state == "ready"
    assert plan(second, archived={"first": "dropped"})["second"].state == "waiting"
    thrown_away = Agent("s:1", task=Task(file="first"), state=AgentState.RECYCLED)
    assert plan(first, second, agents=(thrown_away,))["second"].state == "waiting"


def test_what_can_never_begin_says_why() -> None:
    one, two = TaskFile("one", "x", after=("two",)), TaskFile("two", "x", after=("one",))
    assert "itself waits for this one" in plan(one, two)["one"].why
    assert "there is no task nowhere" in plan(TaskFile("a", "x", after=("nowhere",)))["a"].why


def test_claimed_and_failed_tasks_are_not_ready() -> None:
    tasks = [TaskFile(name, "x") for name in ("a", "b", "c")]
    found = plan(*tasks, claimed={"a"}, pausing={"b": "no such branch"})
    assert {name: one.state for name, one in found.items()} == {"a": "starting", "b": "pausing", "c": "ready"}


def test_hostile_files_are_told_of_and_keep_nobody_back(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path)
    good = folder.add("good", "do it")
    (folder.pending / "link.task").symlink_to("/etc/passwd")
    (folder.pending / "big.task").write_bytes(b"x" * (LARGEST_BYTES + 1))
    (folder.pending / "folder.task").mkdir()
    (folder.pending / "bytes.task").write_bytes(b"fine\n\xff\xfe")
    os.mkfifo(folder.pending / "pipe.task")
    (folder.pending / "notes.txt").write_text("no task")
    found = {entry.name: entry for entry in folder.read()}
    assert set(found) == {"good", "link", "big", "folder", "bytes", "pipe"}
    assert found["good"].text == "do it"
    assert "symbolic link" in found["link"].problem
    assert "more than 262,144 bytes" in found["big"].problem
    assert "no regular file" in found["folder"].problem
    assert "no regular file" in found["pipe"].problem
    assert found["bytes"].problem == "bytes.task:2: expected UTF-8 text, found other bytes"
    assert good.stat().st_mode & 0o777 == 0o600


def test_a_task_is_added_once_and_archived_with_its_outcome(tmp_path: Path) -> None:
    folder = TaskFolder(tmp_path)
    for outcome in ("done", "dropped"):
        folder.add("a", "text")
        with pytest.raises(UsageProblem):
            folder.add("a", "another")
        folder.archive("a", {"outcome": outcome})
    assert sorted(path.name for path in folder.archived.iterdir()) == [
        "a.task", "a.task.json", "a~2.task", "a~2.task.json",
    ]  # fmt: skip
    assert folder.outcomes() == {"a": "done"}
    assert list(folder.read()) == []
