"""The demo, as a newcomer runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import real_client
from tests.places import BUNDLE, environment
from tests.waiting import wait_until

TMP = Path("/tmp")


def demo(*options: str, env: Mapping[str, str | None] | None = None) -> subprocess.Popen[str]:
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "demo", *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        argv,
        env=environment(dict(env or {})),
        stdout=pipe,
        stderr=pipe,
        text=True,
        bufsize=1,
        umask=0o002,  # usual where every user has a group of their own
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job's children ignore it
    )


def ended(process: subprocess.Popen[str], seconds: float = 400) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=seconds)
    return process.returncode, stdout, stderr


def folder_of(output: str) -> Path:
    found = re.search(r"/tmp/fleet-demo-\w+", output)
    assert found, output
    return Path(found[0])


def assert_went_well(code: int, stdout: str, stderr: str) -> None:
    """The table in the end tells of three verified agents, one that died and one that asked."""
    assert code == 0, stdout + stderr
    table = stdout[stdout.index("BRANCH ") :].splitlines()[1:4]
    assert all("verified" in line and line.endswith("yes") for line in table)
    assert sum("died, resumed in its conversation" in line for line in table) == 1
    assert sum("answered “Blue”" in line for line in table) == 1


@pytest.mark.real_client
def test_three_real_clients_go_all_the_way() -> None:
    code, stdout, stderr = ended(demo("--client", "claude", env={"FLEET_TEST_CLAUDE": str(real_client())}))
    assert_went_well(code, stdout, stderr)
    assert not folder_of(stdout).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_cleans_up_when_it_is_interrupted(number: signal.Signals) -> None:
    process = demo()
    assert process.stdout is not None
    first = process.stdout.readline()
    folder = folder_of(first)
    wait_until(lambda: list((folder / "home" / ".claude" / "sessions").glob("*.json")), 40, "the first agent")
    os.kill(process.pid, number)
    code, _, _ = ended(process, 30)
    assert code == 130
    assert not folder.exists()
    assert str(folder) not in subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True).stdout


def test_what_goes_wrong_is_told_and_cleaned_up(tmp_path: Path) -> None:
    """A git that cannot push: no agent can finish, the demo may not say that all went well."""
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    fake = tmp_path / "git"
    fake.write_text(f'#!/bin/sh\n[ "$1" = worktree ] && {{ echo no worktrees today >&2; exit 1; }}\nexec {real} "$@"\n')
    fake.chmod(0o755)
    before = set(TMP.glob("fleet-demo-*"))
    code, _, stderr = ended(demo(env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}))
    assert code == 1
    assert "no worktrees today" in stderr
    assert "Traceback" not in stderr
    assert set(TMP.glob("fleet-demo-*")) <= before


def test_three_agents_go_all_the_way_and_kept_they_can_be_looked_at() -> None:
    code, stdout, stderr = ended(demo("--keep"))
    assert_went_well(code, stdout, stderr)
    folder = folder_of(stdout)
    assert folder.exists()
    attach, export, end = re.findall(r"^  (\S.*)$", stdout, re.M)[-3:]
    assert "attach -t fleet" in attach
    windows = subprocess.run(["sh", "-c", attach.replace("attach -t fleet", "list-windows")], capture_output=True)
    assert windows.returncode == 0
    script = f"{export}; {sys.executable} -I {BUNDLE}/fleetscripts/__main__.py status"
    status = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert status.returncode == 0, status.stderr
    assert "1 waiting_approval, 1 running, 3 recycled" in status.stdout, status.stdout
    assert "HOME=" not in export.replace("FLEET_HOME=", "")
    assert attach in stdout.splitlines()[0], "told before anything else"
    main = f"{sys.executable} -I {BUNDLE}/fleetscripts/__main__.py"
    listed = subprocess.run(["sh", "-c", f"{export}; {main} status --brief --json"], capture_output=True, text=True)
    [asks] = [one["worktree"] for one in json.loads(listed.stdout)["agents"] if one["state"] == "waiting_approval"]
    answer = f"{export}; {main} answer-dialog {asks} --choose Grey"
    asked = subprocess.run(["sh", "-c", answer], capture_output=True, text=True)
    assert "chosen: Grey" in asked.stdout, asked.stdout + asked.stderr
    more = f"spawn-agent --agent practice --repo {folder}/git/repository --branch feat/mine --objective Do"
    begun = subprocess.run(["sh", "-c", f"{export}; {main} {more}"], capture_output=True, text=True)
    assert (begun.returncode, begun.stdout[:6]) == (0, "fleet:"), begun.stderr
    task = subprocess.run(["sh", "-c", f"{export}; {main} tasks add one Do."], capture_output=True, text=True)
    assert task.stdout == f"{folder}/tasks/pending/one.task\n", task.stderr
    subprocess.run(["sh", "-c", end], check=True, cwd=tempfile.gettempdir())
    assert not folder.exists()
