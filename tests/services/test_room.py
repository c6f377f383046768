"""No agent is begun on a machine that has no memory or no disk left for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.system import machine
from fleetscripts.config import load_settings
from fleetscripts.config_table import Table
from fleetscripts.errors import UsageProblem
from fleetscripts.services.worktrees.room import least_room
from tests.e2e.quick import CONFIG, quick_crew, said
from tests.places import BUNDLE


def test_the_processes_with_the_most_memory_come_first_and_one_that_takes_much_is_seen() -> None:
    size = 300 << 20
    line = f"import sys; held = b'x' * {size}; print('there', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as large:
        assert large.stdout is not None
        assert large.stdout.readline() == b"there\n"
        found = {pid: bytes_ for _, pid, bytes_ in machine.largest_processes(10_000)}
        sizes = list(found.values())
        assert sizes == sorted(sizes, reverse=True)
        assert size <= found[large.pid] < 2 * size
        large.communicate()


def test_what_is_free_is_never_more_than_the_machine_has() -> None:
    free = machine.free_memory()
    assert free is not None
    assert 0 < free <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("value", "size"),
    [(0, 0), (5000, 5000), ("2G", 2 * 10**9), ("500 MB", 5 * 10**8), ("1.5k", 1500), ("3T", 3 * 10**12)],
)
def test_a_size_is_bytes(value: Any, size: int) -> None:
    assert Table("machine", {"free_disk": value}).size("free_disk") == size


@pytest.mark.parametrize("value", ["", "much", "2", "2GiB", "-1G", -1, True, 1.5, None, [], "0G", "1e3M", 10**19])
def test_what_is_no_size_is_told_with_its_name(value: Any) -> None:
    with pytest.raises(UsageProblem, match=r'^machine\.free_disk in config\.toml: expected bytes, as "2G"'):
        Table("machine", {"free_disk": value}).size("free_disk")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("agent_memory = '63M'", "machine.agent_memory in config.toml: expected at least 64.0 MB, found 63.0 MB"),
        ("agent_memory = 1", "expected at least 64.0 MB, found 1 B"),
        ("agent_memory = -1", "expected bytes"),
        ("agent_memory = nan", "expected bytes"),
        ("agent_memory = 'max'", "expected bytes"),
        ("agent_memory = true", "expected bytes"),
        ("agent_memory = ['4G']", "expected bytes"),
        ("agents_memory = '4G'", "no setting is called 'agents_memory'"),
    ],
)
def test_what_is_no_limit_of_an_agents_memory_is_told_when_a_task_is_dispatched(
    home: Path, text: str, problem: str
) -> None:
    (home / "fleet").mkdir(mode=0o700, exist_ok=True)
    (home / "fleet" / "config.toml").write_text(f"[machine]\n{text}\n")
    with pytest.raises(UsageProblem, match=re.escape(problem)):
        least_room(load_settings(os.environ))


@pytest.mark.parametrize("lacking", ["memory", "disk"])
def test_below_the_line_neither_spawn_nor_dispatch_begins_an_agent_and_both_say_what_uses_most(lacking: str) -> None:
    with quick_crew(config=f'{CONFIG}[machine]\nfree_{lacking} = "900000T"\n') as crew:
        spawned = crew.run(
            "spawn-agent", "--session", "fleet", "--branch", "feat/a", "--objective", "x", "--repo",
            str(crew.playground.repository), "--agent", "practice",
        )  # fmt: skip
        assert spawned.returncode == 3, spawned.stderr
        [line] = spawned.stderr.splitlines()
        assert "room: no agent is started: expected 900000 TB of free" in line
        assert "most is used by " in line
        assert ("(pid " if lacking == "memory" else "worktree-") in line
        tasks = crew.stage.home / "captain" / "tasks"
        (tasks / "pending").mkdir(parents=True)
        (tasks / "pending" / "more.task").write_text("Do more.\n")
        done = crew.run("tasks", "dispatch", "--repo", str(crew.playground.repository), "--session", "fleet")
        told = f"{done.stdout}{done.stderr}"
        assert done.returncode == 3
        assert "more: no agent is started: expected 900000 TB of free" in told
        assert "could not be started" not in told, "it waits: that is no failure of the task"
        assert len(said(crew, "find-spare", str(crew.playground.repository)).splitlines()) == 2
        wrong = crew.stage.folder / "fleet" / "config.toml"
        wrong.write_text(f'{CONFIG}[machine]\nfree_{lacking} = "much"\n')
        [line] = said(crew, "tasks", "dispatch", "--session", "fleet", code=2).splitlines()
        assert f"machine.free_{lacking} in config.toml: expected bytes" in line


FILLED = """
mount -t tmpfs -o size=40m tmpfs "$1" && shift && exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root mounts a small disk")
def test_a_disk_that_fills_while_a_worktree_is_set_up_is_one_line_and_nothing_is_lost(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    argv = ["unshare", "--mount", "sh", "-c", FILLED, "fill", str(disk)]
    line = [sys.executable, "-m", "tests.fill_disk", str(disk)]
    environment = {**os.environ, "PYTHONPATH": str(BUNDLE)}
    done = subprocess.run(
        [*argv, *line], env=environment, cwd=BUNDLE, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
