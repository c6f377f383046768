"""The demo on several machines is a whole life: added, begun, lost, found again, judged, recycled."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RunScript
from tests.hosts.linked import processes
from tests.places import BUNDLE, environment
from tests.waiting import wait_until


@pytest.mark.stress
def test_the_demo_on_three_machines_ends_with_every_worktree_spare_again(run_script: RunScript) -> None:
    done = run_script("demo", "--hosts", "3", "--yes", timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gamma is unreachable" in done.stdout
    assert "gamma is reached again" in done.stdout
    assert "could not be removed" not in done.stderr
    folder = Path(done.stdout.partition("spare worktrees, in ")[2].split("\n", 1)[0])
    assert folder.name.startswith("fleet-demo-")
    assert not folder.exists()
    assert sum(" feat/part-" in line for line in done.stdout.partition("FINISHED")[2].splitlines()) == 6


@pytest.mark.stress
def test_kept_machines_are_tried_and_ended_by_the_printed_lines(run_script: RunScript) -> None:
    done = run_script("demo", "--hosts", "2", "--keep", "--yes", timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no loop runs there" not in done.stdout
    printed = done.stdout.partition("The machines are still up.")[2].splitlines()
    export, end = (line.strip() for line in printed if line.startswith("  "))
    folder = Path(done.stdout.partition("spare worktrees, in ")[2].split("\n", 1)[0])

    def in_that_shell(line: str) -> str:
        scripts = {"PATH": f"{BUNDLE / 'scripts'}:{os.environ['PATH']}"}
        shell = subprocess.run(
            ["sh", "-c", f"{export}\n{line}"], env=environment(scripts), capture_output=True, text=True, timeout=120
        )
        return shell.stdout + shell.stderr

    try:
        assert "hosts: alpha linked, beta linked" in in_that_shell("status")
        wait_until(lambda: "→ answer-dialog beta/worktree-1 --choose" in in_that_shell("heartbeat"))
        assert "nothing to report" not in in_that_shell("heartbeat")
    finally:
        said = in_that_shell(end)
    assert not folder.exists(), said
    assert processes(str(folder)) == []
