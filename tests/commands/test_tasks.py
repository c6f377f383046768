"""``tasks`` as a user calls it, where no agent has to be started for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleetscripts.config import load_settings
from fleetscripts.core.planning.task_plan import READY
from fleetscripts.core.records.task_file import TaskFile
from fleetscripts.errors import NotYet
from fleetscripts.services.loop.dispatching import DispatchThread
from fleetscripts.services.spawning.dispatch import DispatchReport, DispatchTarget, dispatch
from fleetscripts.services.spawning.spawn import SpawnResult
from fleetscripts.services.tasks.tasks import add, survey
from tests.conftest import RunScript
from tests.places import BUNDLE, TmuxServer
from tests.waiting import wait_until


def test_a_text_written_on_windows_is_a_task(run_script: RunScript, home: Path, tmp_path: Path) -> None:
    for name, content in (
        ("plain", b"one\r\ntwo\r\n"),
        ("marked", b"\xef\xbb\xbf---\r\npr: 5\r\n---\r\none\r\ntwo\r\n"),
    ):
        file = tmp_path / f"{name}.txt"
        file.write_bytes(content)
        added = run_script("tasks", "add", name, "--file", file)
        assert added.returncode == 0, added.stderr
    tasks = json.loads(run_script("tasks", "list", "--json").stdout)["tasks"]
    assert [(task["objective"], task.get("pr")) for task in tasks] == [("one\ntwo", "5"), ("one\ntwo", None)]


def test_a_task_begins_at_its_time_at_the_earliest_whoever_asks(run_script: RunScript, home: Path) -> None:
    for name, at in (("later", "2999-01-01 07:00"), ("by-now", "2001-01-01"), ("zoned", "2999-01-01T07:00+02:00")):
        added = run_script("tasks", "add", name, "Do it.", "--not-before", at)
        assert added.returncode == 0, added.stderr
    found = {task["name"]: task for task in json.loads(run_script("tasks", "list", "--json").stdout)["tasks"]}
    assert (found["later"]["state"], found["later"]["why"]) == ("waiting", "not before 2999-01-01 07:00")
    assert (found["by-now"]["state"], found["zoned"]["state"]) == ("ready", "waiting")
    lines = run_script("tasks", "dispatch").stdout
    assert ("by-now: " in lines, "later" in lines, "zoned" in lines) == (True, False, False)
    for wrong in ("tomorrow", "25:00", "2026-13-01"):
        refused = run_script("tasks", "add", "wrong", "Do it.", "--not-before", wrong)
        assert (refused.returncode, "expected a time like 2026-12-01 07:00" in refused.stderr) == (2, True), wrong


def test_a_batch_is_written_whole_or_not_at_all(run_script: RunScript, home: Path) -> None:
    pending = home / "captain" / "tasks" / "pending"
    good = "=== one\nDo it.\n\n=== two\n---\nafter: one\nnot_before: 2999-01-01\n---\nThen this.\n=== of a kind?\n"
    for text, says in (
        ("Do it.", "expected a line === NAME before each task, found 'Do it.'"),
        ("", "expected a line === NAME"),
        (good, "of a kind?.task:1: expected the text of the task"),
        ("=== one\nx\n=== one\ny\n", "expected each name once, found 'one' again"),
        ("=== one\nx\n=== ../two\ny\n", "expected a name of letters, digits and . _ -, found '../two'"),
        ("=== one\nx\n=== two\n---\npr: x\n---\ny\n", "two.task:2: expected a pull request's number, found 'x'"),
    ):
        refused = run_script("tasks", "batch", "-", input=text)
        assert (refused.returncode, says in refused.stderr) == (2, True), refused.stderr
        assert list(pending.glob("*")) == []
    done = run_script("tasks", "batch", "-", input=good.rpartition("=== ")[0])
    assert done.returncode == 0, done.stderr
    assert [Path(line).name for line in done.stdout.splitlines()] == ["one.task", "two.task"]
    again = run_script("tasks", "batch", "-", input="=== three\nx\n=== one\ny\n")
    assert (again.returncode, "there is a task one already" in again.stderr) == (2, True)
    assert sorted(path.name for path in pending.iterdir()) == ["one.task", "two.task"]


def test_the_list_stands_in_columns(run_script: RunScript, home: Path) -> None:
    run_script("tasks", "add", "a", "Do it.")
    run_script("tasks", "add", "another-one", "Do that.", "--after", "a")
    head, *lines = run_script("tasks", "list").stdout.splitlines()
    assert head.split() == ["TASK", "STATE", "TEXT"]
    assert [line[head.index("TEXT") :] for line in lines] == ["Do it.", "Do that."]
    assert {line[head.index("STATE") - 1] for line in lines} == {" "}


def test_a_step_of_nothing_keeps_no_other_task_back(run_script: RunScript, home: Path) -> None:
    run_script("tasks", "add", "good", "Do it.")
    odd = home / "captain" / "tasks" / "pending" / "odd.task"
    odd.write_text("---\nsteps: /\n---\nDo it.\n")
    listed = run_script("tasks", "list")
    assert (listed.returncode, "good" in listed.stdout) == (0, True), listed.stderr


def test_a_folder_that_is_gone_is_no_error_of_ours(run_script: RunScript, home: Path, tmp_path: Path) -> None:
    main = BUNDLE / "fleetscripts" / "__main__.py"
    line = f'mkdir "{tmp_path}/gone" && cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && "$0" -I "{main}" tasks list'
    done = subprocess.run(["sh", "-c", line, sys.executable], capture_output=True, text=True, check=False, timeout=30)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_what_was_archived_is_said_although_the_next_one_is_refused(run_script: RunScript, home: Path) -> None:
    run_script("tasks", "add", "there", "Do it.")
    both = run_script("tasks", "archive", "there", "nowhere", "--outcome", "dropped")
    assert (both.returncode, both.stdout) == (3, "there: dropped, archived as there.task\n")
    assert "no task 'nowhere'" in both.stderr


def test_a_heartbeat_reviews_the_rest_although_the_tasks_cannot_be_read(run_script: RunScript, home: Path) -> None:
    (home / "no-folder").write_text("")
    (home / "fleet").mkdir()
    (home / "fleet" / "config.toml").write_text(f'tasks_folder = "{home / "no-folder"}"\n')
    (home / "state.json").write_text('{"agents": []}')
    review = run_script("heartbeat", "--json", env={"FLEET_TMUX_SOCKET": "fleet-test-none"})
    assert review.returncode == 0, review.stderr
    [problem] = json.loads(review.stdout)["decisions"]
    assert (problem["kind"], "Not a directory" in problem["what"]) == ("task_problem", True)


def test_the_loop_begins_no_task_whose_file_is_still_being_written(home: Path) -> None:
    settings = load_settings(os.environ)
    file = settings.tasks_folder / "pending" / "half.task"
    file.parent.mkdir(parents=True)
    file.write_text("Delete all the old files. But only")
    assert dispatch(settings, os.environ, time.time()).lines == ()
    [tried] = dispatch(settings, os.environ, time.time(), where=DispatchTarget(again=True)).lines
    assert tried.startswith("half: no repository is known"), "a person who calls it means what is there"
    os.utime(file, (time.time() - 60, time.time() - 60))
    assert dispatch(settings, os.environ, time.time()).lines == (tried,)


def test_a_task_named_as_one_that_is_over_is_begun_all_the_same(run_script: RunScript, home: Path) -> None:
    over = {"window": "s:1", "worktree_path": "/t1", "task": "over", "state": "done"}
    busy = {"window": "s:2", "worktree_path": "/t2", "task": "busy", "state": "running"}
    (home / "state.json").write_text(json.dumps({"agents": [over, busy]}))
    assert run_script("tasks", "add", "over", "Something new.").returncode == 0
    again = run_script("tasks", "add", "busy", "Something new.")
    assert (again.returncode, "the agent in s:2 works on a task busy" in again.stderr) == (3, True), again.stderr
    assert run_script("tasks", "archive").stdout == "no task is finished\n"
    [task] = json.loads(run_script("tasks", "list", "--json").stdout)["tasks"]
    assert (task["name"], task["state"]) == ("over", "ready")


def test_tasks_that_wait_for_budget_are_no_failures(home: Path, tmux_server: TmuxServer) -> None:
    def walled(*_: object) -> SpawnResult:
        raise NotYet("no claude account has budget until 18:20")

    tmux_server.new_session("fleet")
    settings = load_settings(os.environ)
    for name in ("a", "b", "c"):
        add(settings, TaskFile(name, "Do it."))
    where = DispatchTarget("fleet", str(home), again=True)
    lines = dispatch(settings, os.environ, time.time(), where=where, start=walled).lines
    assert lines == ("a: no claude account has budget until 18:20", "and 2 more tasks for the same reason")
    assert [one.state for one in survey(settings, time.time()).standings] == [READY] * 3, "tried again without a pause"


def test_tasks_that_wait_for_a_tmux_session_are_no_failures(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_TMUX_SOCKET", "fleet-test-none")
    settings = load_settings(os.environ)
    for name in ("a", "b"):
        add(settings, TaskFile(name, "Do it."))
    [line, more] = dispatch(
        settings, os.environ, time.time(), where=DispatchTarget("fleet", str(home), again=True)
    ).lines
    assert line.startswith("a: no tmux session 'fleet'; in a terminal of your own run: tmux"), line
    assert more == "and 1 more task for the same reason"
    assert [one.state for one in survey(settings, time.time()).standings] == [READY] * 2, "tried again without a pause"


def test_a_finished_task_that_cannot_be_archived_keeps_no_other_back(home: Path) -> None:
    settings = load_settings(os.environ)
    (home / "state.json").write_text(json.dumps({"agents": [{"window": "s:1", "task": "over", "state": "done"}]}))
    for name in ("next", "over"):
        (settings.tasks_folder / "pending").mkdir(parents=True, exist_ok=True)
        (settings.tasks_folder / "pending" / f"{name}.task").write_text("Do it.")
    (settings.tasks_folder / "archived").write_text("")
    lines = dispatch(settings, os.environ, time.time(), where=DispatchTarget("fleet", again=True)).lines
    assert lines[0].startswith("finished tasks cannot be archived: "), lines
    assert lines[1].startswith("next: "), lines


def test_one_round_that_goes_wrong_does_not_end_the_dispatching(home: Path) -> None:
    said: list[str] = []

    def dispatch_of_a_bad_day(*_: object, **__: object) -> DispatchReport:
        if not said:
            raise RuntimeError("nobody thought of this")
        return DispatchReport(("a: begun in fleet:1",))

    (home / "state.json").write_text('{"agents": []}')
    add(load_settings(os.environ), TaskFile("a", "Do it."))
    running = DispatchThread(
        {**os.environ, "POLL_INTERVAL": "0.05"},
        {},
        lambda _, line: said.append(line),
        lambda _: home / "errors.log",
        dispatch_of_a_bad_day,
    )
    running.begin()
    try:
        wait_until(lambda: len(said) > 1, 10, f"another round after {said}")
    finally:
        running.close()
    assert said[0].startswith("dispatch failed: unexpected RuntimeError: nobody thought of this")
    assert said[1] == "task a: begun in fleet:1"
