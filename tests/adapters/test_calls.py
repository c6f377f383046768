"""Calls from another machine run once, whichever process is killed when; one that never ran is not told as lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscripts.adapters.records.call_folder import CallFolder, CallState
from tests.call_kills import begin, command, runs
from tests.places import BUNDLE

BEGUN_AND_KILLED = "from tests.call_kills import *; begin_without_process(Path(sys.argv[1]))"


def killed_before_its_process(folder: Path) -> CallFolder:
    """A call whose helper was killed just before the process started."""
    subprocess.run([sys.executable, "-c", BEGUN_AND_KILLED, str(folder)], cwd=BUNDLE, check=True)
    assert (folder / "began").exists()
    assert runs(folder) == 0
    return CallFolder(folder)


def test_wherever_a_helper_is_killed_the_call_runs_once(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.call_kills", str(tmp_path)]
    found = subprocess.run(words, cwd=BUNDLE, check=True, capture_output=True, text=True)
    ends = json.loads(found.stdout)
    assert len(ends["lines"]) > 50
    assert [line for line, end in enumerate(ends["lines"]) if end != [1, "done"]] == []
    assert ends["races"] == [[1, "done"]] * 8


def test_a_call_whose_helper_was_killed_before_the_process_never_ran_and_may_be_begun(tmp_path: Path) -> None:
    call = killed_before_its_process(tmp_path / "call")
    assert call.state() is CallState.NONE
    begin(call.folder)
    assert (call.state(), call.exit_code(), runs(call.folder)) == (CallState.DONE, 0, 1)
    begin(call.folder)
    assert runs(call.folder) == 1


@pytest.mark.parametrize(
    "began",
    [{"boot": "another-start"}, {"boot": ""}, {}, None],
    ids=["started anew", "no boot id", "older release", "cut short"],
)
def test_where_a_start_may_have_gone_unseen_the_call_is_lost_and_not_begun(
    tmp_path: Path, began: dict[str, str] | None
) -> None:
    call = killed_before_its_process(tmp_path / "call")
    (call.folder / "began").write_text('{"argv": [' if began is None else json.dumps(began), encoding="utf-8")
    assert call.state() is CallState.LOST
    assert call.begin(command(call.folder), b"", os.environ) is None
    assert runs(call.folder) == 0


def test_a_shell_that_dies_marking_the_start_ran_nothing(tmp_path: Path) -> None:
    """The system kills a process that writes beyond its limit: the shell, at its mark."""
    folder = tmp_path / "call"
    limited = f"""
def limit(event, words):
    if event == "subprocess.Popen":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
import resource
from tests.call_kills import *
folder = Path({str(folder)!r})
sys.addaudithook(limit)
print(CallFolder(folder).begin(command(folder), b"", os.environ).wait())
"""
    done = subprocess.run([sys.executable, "-c", limited], cwd=BUNDLE, check=True, capture_output=True, text=True)
    assert int(done.stdout) == -signal.SIGXFSZ
    assert (CallFolder(folder).state(), runs(folder)) == (CallState.NONE, 0)
    begin(folder)
    assert (CallFolder(folder).state(), runs(folder)) == (CallState.DONE, 1)


def test_a_command_whose_shell_is_killed_is_lost_and_not_begun_again(tmp_path: Path) -> None:
    call = CallFolder(tmp_path / "call")
    words = ["/bin/sh", "-c", 'echo x >>"$0"; kill -KILL $PPID', f"{call.folder}.ran"]
    process = call.begin(words, b"", os.environ)
    assert process is not None
    assert process.wait() == -signal.SIGKILL
    call.wait()
    assert call.state() is CallState.LOST
    assert call.begin(words, b"", os.environ) is None
    assert runs(call.folder) == 1
