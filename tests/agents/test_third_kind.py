"""One module, one rules file and one line are a kind of agent, as CONTRIBUTING says: taken through the scripts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import BUNDLE, GitRepo, TmuxServer
from tests.records import flat
from tests.waiting import wait_until

HERE = BUNDLE / "tests" / "third_kind"
LINE = '    "parrot": "fleetscripts.agents.parrot",\n'
SCREEN = "user: work\n(working)\n] \n-- parrot --\n"


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package as it is after somebody added the kind; its ``__main__.py``. The program is on the PATH."""
    package = tmp_path / "bundle" / "fleetscripts"
    shutil.copytree(BUNDLE / "fleetscripts", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(BUNDLE / "skill", package.parent / "skill")
    shutil.copy(HERE / "parrot.py", package / "agents")
    shutil.copy(HERE / "parrot.toml", package / "rules")
    register = package / "agents" / "__init__.py"
    head, opening, rest = register.read_text(encoding="utf-8").partition("}\n")
    register.write_text(f"{head}{LINE}{opening}{rest}", encoding="utf-8")
    named, on_path = tmp_path / "named", tmp_path / "bin"
    named.mkdir()
    on_path.mkdir()
    (named / "parrot").symlink_to(sys.executable)
    launcher = on_path / "parrot"
    launcher.write_text(f'#!/bin/sh\nexec "{named}/parrot" -I "{HERE}/program.py" "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", f"{on_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PARROT_HOME", str(tmp_path / "parrot"))
    return package / "__main__.py"


def run(main: Path, *arguments: str, code: int = 0) -> str:
    argv = [sys.executable, "-I", str(main), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def state(main: Path, pane: str) -> str:
    return str(json.loads(run(main, "classify-pane", pane))["state"])


def test_its_screens_are_told_from_the_others(main: Path, tmp_path: Path) -> None:
    capture = tmp_path / "screen.txt"
    capture.write_text(SCREEN)
    for agent in ("parrot", "auto"):
        found = json.loads(run(main, "classify-pane", "--screen", str(capture), "--agent", agent))
        assert found["state"] == "running", found
    capture.write_text(SCREEN.replace("(working)\n", ""))
    assert json.loads(run(main, "classify-pane", "--screen", str(capture)))["state"] == "prompt"


def test_it_is_spawned_told_stopped_ended_and_resumed(
    main: Path, git_repo: GitRepo, tmux_server: TmuxServer, home: Path, tmp_path: Path
) -> None:
    git_repo.add_spares(1)
    tmux_server.new_session("fleet", ["sleep", "900"])
    spawning = ("spawn-agent", "--agent", "parrot", "--session", "fleet", "--repo", str(git_repo.path))
    window = run(main, *spawning, "--branch", "feat/a", "--objective", "Say something").splitlines()[0]
    [agent] = map(flat, json.loads((home / "state.json").read_text())["agents"])
    pane, session = str(agent["pane_id"]), str(agent["session_id"])
    assert agent["agent"] == "parrot"
    talk = tmp_path / "parrot" / "talks" / f"{session}.jsonl"
    assert "Say something" in json.loads(talk.read_text().splitlines()[0])["text"]
    assert state(main, pane) in ("prompt", "complete")

    run(main, "send-agent", pane, "hello")
    assert json.loads(talk.read_text().splitlines()[-1])["text"].endswith("hello")
    run(main, "send-agent", pane, "squawk")
    assert state(main, pane) == "running"
    assert "a turn is in progress" in run(main, "send-agent", pane, "more", "--queue", code=3), "it has no queue"
    assert "stopped" in run(main, "interrupt-agent", pane)
    assert state(main, pane) == "prompt"

    [client] = (tmp_path / "parrot" / "live").iterdir()
    os.kill(int(client.name), signal.SIGKILL)
    wait_until(lambda: state(main, pane) == "idle", 20, "a shell after the client")
    run(main, "restore-agent", window)
    assert state(main, pane) in ("prompt", "complete")
    assert "squawk" in tmux_server.screen(pane)
    assert "hello" in talk.read_text().splitlines()[2], "the same conversation"

    worktree = Path(str(agent["worktree_path"]))
    (worktree / "said.txt").write_text("hello\n")
    for words in (("add", "said.txt"), ("commit", "-qm", "Say hello")):
        subprocess.run(["git", "-C", str(worktree), *words], check=True)
    review = ("spawn-agent", "--role", "review", "--of", window, "--agent", "parrot")
    module = main.parent / "agents" / "parrot.py"
    as_written = module.read_text()
    for without, why in (
        (as_written.replace('ReadOnly("", ("--read-only",))', 'ReadOnly("")'), "no such launch"),
        (as_written.replace("launch.session_id, *launch.extra", "launch.session_id"), "drops what makes it so"),
    ):
        module.write_text(without)
        assert why in run(main, *review, code=2), "nobody reviews who could change what is reviewed"
    config = home / "fleet" / "config.toml"
    config.write_text('permission_mode = "plan"\n')
    assert "held to permission_mode plan" in run(main, *spawning, "--branch", "feat/b", "--objective", "more", code=2)
