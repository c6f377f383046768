"""The hook that answers permission requests, run as the client runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import BUNDLE

HOOK = BUNDLE / "fleetscripts" / "permission_hook.py"


def ask(worktree: Path, fleet_home: Path, payload: bytes) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-I", str(HOOK), str(worktree), str(fleet_home)]
    return subprocess.run(argv, input=payload, capture_output=True, timeout=30, check=False)


def request(worktree: Path, command: str) -> bytes:
    members = {"hook_event_name": "PermissionRequest", "tool_name": "Bash", "cwd": str(worktree)}
    return json.dumps({**members, "tool_input": {"command": command}}).encode()


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    return tmp_path / "tree"


def test_a_harmless_request_is_allowed_and_journaled(worktree: Path, tmp_path: Path) -> None:
    done = ask(worktree, tmp_path / "fleet", request(worktree, "git status"))
    assert json.loads(done.stdout)["hookSpecificOutput"]["decision"] == {"behavior": "allow"}
    (line,) = (tmp_path / "fleet" / "events.jsonl").read_text().splitlines()
    assert json.loads(line)["subject"] == "git status"


def test_any_other_request_is_left_to_the_dialog(worktree: Path, tmp_path: Path) -> None:
    done = ask(worktree, tmp_path / "fleet", request(worktree, "git push --force"))
    assert (done.returncode, done.stdout) == (0, b"")
    assert not (tmp_path / "fleet" / "events.jsonl").exists()


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b'{"tool_name": 3}', b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * 1_100_000]
)
def test_a_request_that_is_not_understood_is_left_to_the_dialog(worktree: Path, tmp_path: Path, payload: bytes) -> None:
    done = ask(worktree, tmp_path / "fleet", payload)
    assert (done.returncode, done.stdout) == (0, b"")


def test_an_answer_that_cannot_be_recorded_is_not_given(worktree: Path, tmp_path: Path) -> None:
    (tmp_path / "fleet").write_text("a file stands where the folder should be")
    done = ask(worktree, tmp_path / "fleet", request(worktree, "git status"))
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_broken_table_of_the_user_approves_nothing(worktree: Path, tmp_path: Path) -> None:
    rules = tmp_path / "fleet" / "rules"
    rules.mkdir(parents=True)
    (rules / "commands.toml").write_text("[command.ls]\noperands = 'anything'\n")
    done = ask(worktree, tmp_path / "fleet", request(worktree, "ls"))
    assert (done.returncode, done.stdout) == (0, b"")
