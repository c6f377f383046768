"""The demo on several machines is a whole life: added, begun, lost, found again, judged, recycled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunScript


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
