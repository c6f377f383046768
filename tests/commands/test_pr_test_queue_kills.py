"""Whoever is killed, and whenever: the queue stays whole, one test runs at a time, and the next one can go on."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import RunScript
from tests.fake_github.hub import branches
from tests.places import environment
from tests.queue_place import MAIN, configure, in_process, kept
from tests.waiting import wait_until

pytestmark = [pytest.mark.stress, pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")]

ROUNDS = 20
LONGEST_LIFE_SECONDS = 2.0
SEED = 20261121


@pytest.fixture
def run_script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunScript:
    return in_process(capsys, monkeypatch)


def test_runs_that_are_killed_at_any_moment_leave_a_whole_queue_and_nothing_running(
    home: Path, tmp_path: Path, run_script: RunScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = branches(tmp_path / "git", 2).work(home, tmp_path / "gh.sock")
    for name, value in work.environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("FLEET_TMUX_SOCKET", "nobody")
    port = tmp_path / "port"
    configure(home, command=f"flock -n {port} sleep 4 || touch {tmp_path}/collided; echo S1=PASS")
    work.record(state="running")
    chance = random.Random(SEED)
    began = 0
    for _ in range(ROUNDS):
        for window in ("fleet:1", "fleet:2"):
            run_script("test-queue", "add", window)
        runs = [_begin() for _ in range(3)]
        threading.Event().wait(chance.uniform(0.1, LONGEST_LIFE_SECONDS))
        for run in runs:
            run.kill()
            run.wait()
        lease = kept(home)["lease"]
        began += lease is not None and "group" in lease
    assert not (tmp_path / "collided").exists()
    assert began > ROUNDS / 10, "hardly any run was killed in the middle"
    wait_until(lambda: run_script("test-queue", "run").returncode == 0, 30, "a run that ends well")
    assert _running(str(port)) == []
    assert len(kept(home)["entries"]) <= 1


def _begin() -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", MAIN, "test-queue", "run"]
    return subprocess.Popen(argv, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _running(words: str) -> list[str]:
    listed = subprocess.run(["pgrep", "-af", words], capture_output=True, text=True, check=False)
    return listed.stdout.splitlines()
