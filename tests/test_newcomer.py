"""What somebody who knows only the README meets first: wrong fields, odd texts, a status with a next step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunScript
from tests.places import BUNDLE, GitRepo, TmuxServer, environment

TAKES_A_WINDOW = (
    ("update-agent", "nowhere:7", "objective=x"),
    ("send-agent", "nowhere:7", "a text of some length"),
    ("send-agent", "nowhere:7", "--task", "another one"),
    ("answer-dialog", "nowhere:7"),
    ("interrupt-agent", "nowhere:7"),
    ("verify-complete", "nowhere:7"),
    ("evaluate", "nowhere:7"),
    ("recycle-agent", "nowhere:7"),
    ("restore-agent", "nowhere:7"),
    ("rescue-agent", "nowhere:7"),
    ("release-agent", "nowhere:7"),
    ("show", "nowhere:7"),
    ("attach", "nowhere:7"),
    ("history", "nowhere:7"),
    ("adopt-agent", "nowhere:7", "--objective", "x"),
    ("heartbeat", "--mine", "nowhere:7"),
)
NAMES_A_PANE = ("adopt-agent", "heartbeat", "send-agent")
"""Commands, or a form of them, for windows that no record has."""


def write(home: Path, *agents: dict[str, Any], **top: Any) -> None:
    (home / "state.json").write_text(json.dumps({"tmux_session": "fleet", **top, "agents": agents}), encoding="utf-8")


def agents(home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((home / "state.json").read_text(encoding="utf-8"))["agents"]
    return found


@pytest.mark.parametrize("words", TAKES_A_WINDOW, ids=lambda words: f"{words[0]} {' '.join(words[2:3])}".strip())
def test_an_unknown_window_is_one_exit_code_everywhere(
    words: tuple[str, ...], tmux_server: TmuxServer, home: Path, run_script: RunScript
) -> None:
    tmux_server.new_session(command=["sleep", "600"])
    write(home, {"window": "fleet:0", "worktree": "w"})
    done = run_script(*words)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "nowhere:7" in done.stderr
    assert "there are: w" in done.stderr or "status lists the agents" in done.stderr or words[0] in NAMES_A_PANE


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("branch=feat..x", "a branch name that git takes"),
        ("branch=-x", "a branch name that git takes"),
        ("branch=a b", "a branch name that git takes"),
        ("branch=x.lock", "a branch name that git takes"),
        ("branch=HEAD", "a branch name that git takes"),
        ("session_id=a b", "a session id"),
        ("session_ids=a b,c", "session ids"),
        ("worktree_path=/not/there", "a worktree of git"),
        ("worktree_path=relative", "an absolute path"),
        ("image_path=/not/there.png", "expected a file"),
        ("held=maybe", "true or false"),
        ("objective=", "what the agent is to do"),
        ("objective=  ", "what the agent is to do"),
        ("pane_id=7", "a pane id"),
        ("agent=vim", "expected one of claude, codex"),
        ("pr_number=twelve", "a pull request's number"),
        ("nudges=-", "a whole number"),
    ],
    ids=lambda value: value if "=" in value else "",
)
def test_a_field_that_makes_no_sense_is_refused(change: str, expected: str, home: Path, run_script: RunScript) -> None:
    write(home, {"window": "fleet:0", "worktree": "w", "branch": "feat/a", "objective": "o"})
    before = (home / "state.json").read_bytes()
    done = run_script("update-agent", "w", change)
    assert (done.returncode, expected in done.stderr) == (2, True), done.stderr
    assert (home / "state.json").read_bytes() == before


@pytest.mark.parametrize("repo", ["nonsense", "a/b/c/d", "https://github.com/a/b", "a b/c"])
def test_a_repository_that_is_none_is_refused(repo: str, home: Path, run_script: RunScript) -> None:
    write(home)
    assert run_script("update-agent", "--top", f"repo={repo}").returncode == 2
    assert run_script("update-agent", "--top", "repo=owner/name").returncode == 0


def test_a_hold_is_set_and_lifted_by_hand(home: Path, run_script: RunScript) -> None:
    write(home, {"window": "fleet:0", "worktree": "w"})
    run_script("update-agent", "w", "held=true")
    assert agents(home)[0]["hold"]["reason"] == "held by hand"
    assert "held" in run_script("status").stdout
    run_script("update-agent", "w", "held=false")
    assert "hold" not in agents(home)[0]


def test_text_that_is_no_utf8_is_refused_before_anything_is_sent(
    tmux_server: TmuxServer, home: Path, tmp_path: Path, run_script: RunScript
) -> None:
    pane = tmux_server.new_session(command=["sleep", "600"])
    file = tmp_path / "text"
    file.write_bytes(b"caf\xe9 and more")
    done = run_script("send-agent", pane, "--file", file)
    assert (done.returncode, "UTF-8" in done.stderr) == (2, True)
    call = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "send-agent", pane, b"caf\xe9 and more"]
    odd = subprocess.run(call, check=False, capture_output=True, env=environment({}), timeout=60)
    assert (odd.returncode, b"UTF-8" in odd.stderr) == (2, True)


def test_recycled_rows_are_shown_only_when_asked_for(home: Path, run_script: RunScript) -> None:
    write(home, {"window": "f:1", "worktree": "one", "state": "recycled"}, {"window": "f:1", "worktree": "two"})
    assert "one" not in run_script("status").stdout
    assert "one" in run_script("status", "--all").stdout


def test_status_ends_with_the_next_step(home: Path, run_script: RunScript) -> None:
    write(home, {"window": "f:1", "worktree": "one"})
    assert run_script("status").stdout.splitlines()[-1] == "next: run-loop --window: they are not monitored"
    write(home, {"window": "f:1", "worktree": "one", "state": "pending_evaluation"})
    assert run_script("status").stdout.splitlines()[-1] == "next: evaluate one shows what it did"
    write(home, {"window": "f:1", "worktree": "one", "state": "escalated"})
    assert run_script("status").stdout.splitlines()[-1].startswith("next: heartbeat shows")
    write(home, {"window": "f:1", "worktree": "one"}, active=False)
    assert run_script("status").stdout.splitlines()[-1].startswith("next: update-agent --top active=true")


def test_for_counts_the_state_that_is_shown(home: Path, run_script: RunScript) -> None:
    now = time.time()
    seen = {"since": now - 10}
    write(
        home,
        {
            "window": "f:1",
            "worktree": "a",
            "state": "escalated",
            "escalation": {"reason": "x", "at": now - 7300},
            "seen": seen,
        },
        {"window": "f:2", "worktree": "b", "hold": {"reason": "x", "since": now - 300}, "seen": seen},
    )
    lines = run_script("status").stdout.splitlines()
    assert [line.split()[1:3] for line in lines if line.startswith("f:")] == [["escalated", "2h01"], ["paused", "5m"]]


def test_a_record_is_let_go_of_and_nothing_else(
    tmux_server: TmuxServer, git_repo: GitRepo, home: Path, run_script: RunScript
) -> None:
    pane = tmux_server.new_session(command=["sleep", "600"])
    write(home, {"window": "fleet:0", "worktree": "w", "pane_id": pane}, {"window": "fleet:1", "worktree": "v"})
    done = run_script("release-agent", "w")
    assert (done.returncode, [agent["worktree"] for agent in agents(home)]) == (0, ["v"])
    assert tmux_server.show(pane, "#{pane_dead}") == "0"
    journal = (home / "fleet" / "events.jsonl").read_text(encoding="utf-8")
    assert '"released"' in journal


def test_where_all_windows_went_with_their_server_one_call_brings_them_back(
    tmux_server: TmuxServer, home: Path, tmp_path: Path, run_script: RunScript
) -> None:
    tmux_server.new_session(command=["sleep", "600"])
    pid, begun, socket = tmux_server.run("display-message", "-p", "#{pid} #{start_time} #{socket_path}").split()
    server = {"socket": socket, "pid": int(pid), "start_time": int(begun)}
    gone = [
        {"window": f"fleet:{n}", "worktree": f"w{n}", "pane_id": f"%{n}", "tmux_server": server,
         "worktree_path": str(tmp_path / f"w{n}")}
        for n in range(3)
    ]  # fmt: skip
    write(home, *gone)
    tmux_server.kill()
    done = run_script("heartbeat")
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[:3] == ["needs a decision:", "3 windows are gone", "→ restore-agent --all"]
    assert "→ restore-agent w2" in lines


@pytest.mark.parametrize("on_terminal", [True, False])
def test_what_takes_long_says_so_where_somebody_sits(on_terminal: bool, home: Path, git_repo: GitRepo) -> None:
    """The remote takes three seconds, then does not answer."""
    git_repo.git("remote", "set-url", "origin", "ssh://nowhere/x.git")
    slow = {"GIT_SSH_COMMAND": "sh -c 'sleep 3; exit 1'"}
    call = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "add-spare", "--repo", git_repo.path]
    ours, theirs = os.openpty()
    done = subprocess.run(
        call, check=False, stdout=subprocess.PIPE, stderr=theirs if on_terminal else subprocess.PIPE,
        env=environment(slow), timeout=60,
    )  # fmt: skip
    os.close(theirs)
    said = os.read(ours, 4000) if on_terminal else done.stderr
    os.close(ours)
    assert done.returncode == 0, said
    assert (b"add-spare: fetching the default branch" in said) == on_terminal, said


@pytest.mark.parametrize("home", [None, "", "relative", "~"])
def test_a_home_that_is_none_is_told_in_one_line_and_nothing_is_made(home: str | None, tmp_path: Path) -> None:
    done = subprocess.run(
        [BUNDLE / "scripts" / "status"], check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path,
        env=environment({"HOME": home, "XDG_DATA_HOME": None}),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("status: expected your home's absolute path in HOME, found '")
    hook = subprocess.run(
        [BUNDLE / "hooks" / "allow-own"], check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path,
        env=environment({"HOME": home, "XDG_DATA_HOME": None}), input=f'{{"command": "{BUNDLE}/scripts/status"}}',
    )  # fmt: skip
    assert (hook.returncode, hook.stdout, hook.stderr) == (0, "", "")
    assert not [path for path in tmp_path.iterdir() if path.name not in ("home",)]


@pytest.mark.parametrize(
    "words",
    [
        ("send-agent", "w", "-"),
        ("send-agent", "w", "--task-file", "-"),
        ("spawn-agent", "--session", "s", "--branch", "b", "--objective-file", "-"),
        ("tasks", "add", "one", "-"),
        ("tasks", "batch", "-"),
        ("notify", "--set-webhook"),
        ("permission-check",),
        ("setup", "--check"),
        ("config",),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_closed_standard_input_is_an_empty_one(words: tuple[str, ...], home: Path, run_script: RunScript) -> None:
    write(home, {"window": "fleet:0", "worktree": "w"})
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), *words]
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" <&-', *argv], check=False, capture_output=True, text=True, timeout=60,
        env=environment({}),
    )  # fmt: skip
    assert "unexpected" not in done.stderr
    empty = run_script(*words, input="")
    assert (done.returncode, done.stderr) == (empty.returncode, empty.stderr)


@pytest.mark.parametrize(("name", "code"), [("status", 1), ("capacity", 1), ("find-spare", 1), ("heartbeat", 0)])
def test_what_only_tells_has_failed_where_its_output_is_closed(
    name: str, code: int, home: Path, git_repo: GitRepo, tmux_server: TmuxServer
) -> None:
    git_repo.add_spares(1)
    write(home, {"window": "fleet:0", "worktree": "w", "state": "done"})
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), name]
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" >&-', *argv], check=False, text=True, stderr=subprocess.PIPE, timeout=60,
        env=environment({}), cwd=git_repo.path,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if not line.endswith(" …")]  # but that it is slow
    assert (done.returncode, bool(said)) == (code, bool(code))


@pytest.mark.parametrize(("version", "fits"), [("2.6", False), ("3.0a", False), ("3.1c", True), ("next-3.9", True)])
def test_a_tmux_that_is_too_old_is_missing(version: str, fits: bool, tmp_path: Path, run_script: RunScript) -> None:
    program = tmp_path / "bin" / "tmux"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho tmux {version}\n")
    program.chmod(0o755)
    done = run_script("setup", "--check", "--json", env={"PATH": f"{program.parent}:{os.environ['PATH']}"})
    [tmux] = [one for one in json.loads(done.stdout)["findings"] if one["name"] == "tmux"]
    assert tmux["ok"] is fits
    assert fits or "expected 3.1 or newer" in tmux["found"]


@pytest.mark.parametrize("words", [("setup",), ("setup", "--yes"), ("setup", "--yes", "--json")])
def test_a_home_that_takes_nothing_is_told_in_one_line(
    words: tuple[str, ...], home: Path, run_script: RunScript
) -> None:
    (home / ".claude").write_text("a file where the client's folder should be")
    done = run_script(*words, input="")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("setup: cannot change ")
