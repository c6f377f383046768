"""spawn-agent: a working agent and its record, or nothing at all and the step that failed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetscripts.commands import spawn_agent
from fleetscripts.config import load_settings
from fleetscripts.errors import FleetError
from fleetscripts.practice.install import install
from fleetscripts.services.spawning.spawn import spawn as service
from fleetscripts.services.spawning.spawn_request import Request
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import PaneIO
from fleetscripts.services.typing.receipt import Receipt
from tests.conftest import RunScript
from tests.places import BUNDLE, SILENT_CLIENT, GitRepo, TmuxServer
from tests.records import flat
from tests.waiting import wait_until

OBJECTIVE = 'Do it "well": $(touch evil) `touch evil` #{pid} ünïcode\n/second line [[think 20]]'


@pytest.fixture
def repo(git_repo: GitRepo, tmux_server: TmuxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """Two spares, a tmux session and the practice agent on the PATH."""
    git_repo.add_spares(2)
    programs = install(tmp_path / "bin").parent
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    (tmp_path / "claude").mkdir()
    tmux_server.new_session("fleet", ["sleep", "900"])
    return git_repo


def spawn(repo: GitRepo, *options: str, branch: str = "feat/x", objective: str = OBJECTIVE) -> int:
    common = ["--session", "fleet", "--repo", str(repo.path), "--agent", "practice"]
    return spawn_agent.main([*common, "--branch", branch, "--objective", objective, *options])


def spawned_with(repo: GitRepo, send: Callable[..., Receipt], objective: str = OBJECTIVE) -> None:
    """Spawn as the command does, with another way to send the briefing."""
    request = Request("fleet", "feat/x", objective, repo=repo.path, agent="practice")
    service(load_settings(os.environ), None, os.environ, request, send)


def state(home: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((home / "state.json").read_text(encoding="utf-8"))
    return found


def agents(home: Path) -> list[dict[str, object]]:
    listed = state(home)["agents"] if (home / "state.json").exists() else []
    assert isinstance(listed, list)
    return [flat(agent) for agent in listed]


def test_a_spare_is_made_where_none_is_free_and_that_is_set(
    repo: GitRepo, home: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, path in enumerate(repo.spares):
        repo.git("checkout", "-q", "-b", f"somebodys/{number}", cwd=path)
    assert spawn(repo) == 3
    assert "add-spare makes another" in capsys.readouterr().err
    (home / "fleet").mkdir(exist_ok=True)
    (home / "fleet" / "config.toml").write_text("add_spares = true\nmost_worktrees = 5\n")
    assert spawn(repo) == 0
    assert f"no spare worktree was free: {repo.root}/repo-3 was made" in capsys.readouterr().err
    assert agents(home)[0]["spare_branch"] == "spare/3"
    assert run_script("tasks", "add", "more", "[[think 20]]", "--agent", "practice").returncode == 0
    done = run_script("tasks", "dispatch", "--repo", repo.path)
    assert (done.returncode, "repo-4 on task/more" in done.stdout) == (0, True), done.stdout + done.stderr
    assert run_script("tasks", "add", "most", "[[think 20]]", "--agent", "practice").returncode == 0
    done = run_script("tasks", "dispatch", "--repo", repo.path)
    assert (done.returncode, "has no spare worktree" in done.stdout) == (3, True), done.stdout + done.stderr
    assert spawn(repo, branch="feat/y") == 3
    assert "no spare worktree" in capsys.readouterr().err
    assert not (repo.root / "repo-5").exists()


def test_an_agent_is_at_work_when_it_returns(
    repo: GitRepo, tmux_server: TmuxServer, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit("Newer than the spares")
    repo.git("push", "-q", "origin", "HEAD:main")
    image = tmp_path / "layout.png"
    image.write_bytes(b"png")
    options = [
        "--pr",
        "12",
        "--step",
        "pr-address",
        "--step",
        "docs",
        "--image",
        str(image),
        "--verify-command",
        "true",
    ]
    assert spawn(repo, *options) == 0
    out = capsys.readouterr()
    (agent,) = agents(home)
    assert out.out == f"{agent['window']}\n"
    assert "no GitHub repository is known" in out.err
    worktree = repo.spares[0]
    assert repo.git("symbolic-ref", "--short", "HEAD", cwd=worktree) == "feat/x"
    assert repo.git("rev-parse", "HEAD", cwd=worktree) == repo.git("rev-parse", "HEAD") == agent["last_commit"]
    assert agent["worktree_path"] == str(worktree)
    assert agent["spare_branch"] == "spare/1"
    assert agent["steps"] == ["pr-address", "docs"]
    assert agent["pr_number"] == "12"
    assert agent["state"] == "running"
    assert agent["pane_id"] in tmux_server.run("list-panes", "-a", "-F", "#{pane_id}").split()
    said = briefing_of(tmp_path, agent)
    assert OBJECTIVE in said
    assert "CHECKPOINT:pr-address\nCHECKPOINT:docs" in said
    assert "ORCHESTRATOR:DONE" in said
    assert "status --me" in said
    assert "Do NOT resolve any review thread" in said
    assert "sleep 3" in said
    kept = Path(str(agent["image_path"]))
    assert re.fullmatch(r"/tmp/orchestrator-context-\d+(-\d+)?\.png", str(kept))
    assert str(kept) in said
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"png", 0o600)
    kept.unlink()
    assert not list(worktree.glob("evil"))


def briefing_of(tmp_path: Path, agent: dict[str, object]) -> str:
    (file,) = (tmp_path / "claude" / "projects").glob(f"*/{agent['session_id']}.jsonl")
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return next(str(record["message"]["content"]) for record in records if record["type"] == "user")


def test_the_seeds_form_takes_this_very_spare(repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fleet", str(repo.spares[1]), "spare/2", "feat/y", "Do it.", "", "one", "two"]
    assert spawn_agent.main([*words, "--agent", "practice"]) == 0
    (agent,) = agents(home)
    assert agent["worktree_path"] == str(repo.spares[1])
    assert agent["steps"] == ["one", "two"]
    assert capsys.readouterr().out == f"{agent['window']}\n"


def test_branches_that_exist_are_checked_out_and_a_base_is_used(repo: GitRepo, home: Path) -> None:
    repo.git("branch", "feat/known", "HEAD")
    repo.git("checkout", "-q", "-b", "base")
    base = repo.commit("The base")
    repo.git("push", "-q", "origin", "HEAD:refs/heads/feat/there")
    assert spawn(repo, branch="feat/there") == 0
    assert repo.git("rev-parse", "HEAD", cwd=repo.spares[0]) == base
    assert repo.git("rev-parse", "--abbrev-ref", "@{upstream}", cwd=repo.spares[0]) == "origin/feat/there"
    assert spawn(repo, branch="feat/known") == 0
    assert repo.git("symbolic-ref", "--short", "HEAD", cwd=repo.spares[1]) == "feat/known"


def test_after_a_checkout_that_fails_the_next_spare_is_taken_and_that_is_said(
    repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.git("config", "filter.once.smudge", 'case "$PWD" in *spare-1) exit 1;; esac; cat')
    repo.git("config", "filter.once.clean", "cat")
    repo.git("config", "filter.once.required", "true")
    (repo.path / ".gitattributes").write_text("asset filter=once\n")
    (repo.path / "asset").write_text("big\n")
    repo.commit("An asset")
    repo.git("push", "-q", "origin", "HEAD:main")
    assert spawn(repo) == 0
    assert "spare-1 was passed over: branch: " in capsys.readouterr().err
    (agent,) = agents(home)
    assert agent["worktree_path"] == str(repo.spares[1])
    assert repo.git("symbolic-ref", "HEAD", cwd=repo.spares[0]) == "refs/heads/spare/1"
    assert repo.git("symbolic-ref", "HEAD", cwd=repo.spares[1]) == "refs/heads/feat/x"


def test_without_a_remote_it_starts_at_the_spare_and_says_so(repo: GitRepo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.git("remote", "remove", "origin")
    repo.commit("Only in the main worktree")
    assert spawn(repo) == 0
    assert "no remote: the branch starts at the spare's own commit" in capsys.readouterr().err
    assert repo.git("rev-parse", "feat/x") == repo.git("rev-parse", "spare/1")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fleet", "PATH", "spare/1", "feat/x", "Do it.", "pr-address"], "sixth word"),
        (["fleet", "PATH", "spare/1", "feat/x", " "], "expected an objective"),
        (["fleet", "PATH", "spare/1", "feat/x"], "found 4 words"),
        (["fleet", "PATH", "spare/1", "feat/x", "Do it.", "", "two\nlines"], "step's name"),
        (["fleet", "PATH", "spare/1", "feat..x", "Do it."], "branch name"),
        (["fleet", "PATH", "spare/1", "-b", "Do it."], ""),
        (["fleet", "PATH", "spare/1", "spare/9", "Do it."], "spare branches"),
        (["fleet", "PATH", "spare/1", "feat/x", "Do it.", "--image", "/nowhere.png"], "image"),
        (["fleet", "PATH", "spare/1", "feat/x", "Do it.", "--base", "no-such-ref"], "no-such-ref"),
        (["fleet", "PATH", "spare/1", "feat/x", "Do it.", "--branch", "y"], "both"),
        (["--session", "fleet", "--branch", "feat/x"], "objective"),
        (["--session", "fleet", "--objective", "x"], "--branch"),
        (["--branch", "feat/x", "--objective", "x"], "--session"),
    ],
)
def test_arguments_that_cannot_be_meant_are_usage_errors(
    words: list[str], says: str, repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(repo.spares[0]) if word == "PATH" else word for word in words]
    assert spawn_agent.main([*given, "--agent", "practice"]) == 2
    assert says in capsys.readouterr().err
    assert repo.git("symbolic-ref", "--short", "HEAD", cwd=repo.spares[0]) == "spare/1"
    assert agents(home) == []


@pytest.mark.parametrize("step", ["pr-test", "/pr-test --fix", "PR-Test", "pr_test"])
def test_a_test_step_is_refused_since_agents_would_collide_in_it(
    step: str, repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spawn(repo, "--step", "docs", "--step", step) == 3
    said = capsys.readouterr().err
    assert "share ports, a database and caches" in said
    assert "test-queue add WINDOW" in said
    assert agents(home) == []


def test_a_test_step_may_be_allowed(repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert spawn(repo, "--step", "pr-test", "--step", "/", "--step", "pr-tests-docs", "--allow-test-step") == 0
    assert agents(home)[0]["steps"] == ["pr-test", "/", "pr-tests-docs"]


def test_without_a_session_the_window_is_opened_in_our_own(
    repo: GitRepo, home: Path, tmux_server: TmuxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane = tmux_server.new_session("mine", ["sleep", "900"])
    monkeypatch.setenv("TMUX", f"/somewhere,{tmux_server.show(pane, '#{pid}')},0")
    monkeypatch.setenv("TMUX_PANE", pane)
    words = ["--branch", "feat/here", "--objective", "[[say Here.]]", "--repo", str(repo.path), "--agent", "practice"]
    assert spawn_agent.main(words) == 0
    assert agents(home)[0]["window"] == "mine:1"


@pytest.mark.parametrize("inside", [True, False])
def test_no_session_is_ever_created(
    inside: bool, repo: GitRepo, tmux_server: TmuxServer, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    tmux_server.kill()
    if inside:
        monkeypatch.setenv("CLAUDECODE", "1")
    assert spawn(repo) == 3
    assert f"tmux -L {tmux_server.socket} new-session -d -s fleet" in capsys.readouterr().err
    assert tmux_server.run("list-sessions", check=False) == ""


@pytest.fixture
def nothing_left(repo: GitRepo, tmux_server: TmuxServer, home: Path) -> Iterator[None]:
    """After the test: the spares as they were, no window, no record, no branch, and a next spawn works."""
    before = repo.git("rev-parse", "spare/1")
    yield
    for number, worktree in enumerate(repo.spares, 1):
        assert repo.git("symbolic-ref", "--short", "HEAD", cwd=worktree) == f"spare/{number}"
        assert repo.git("status", "--porcelain", cwd=worktree) == ""
    assert repo.git("rev-parse", "spare/1") == before
    assert repo.git("branch", "--list", "feat/x") == ""
    assert tmux_server.run("list-windows", "-a", "-F", "#{window_index}") == "0"
    if (home / "state.json").exists() and (home / "state.json").read_text() != "damaged":
        assert agents(home) == []
    assert not list((home / "fleet" / "claims").glob("*"))


@pytest.mark.usefixtures("nothing_left")
class TestAFailure:
    """Each step that can fail, failing."""

    def test_of_the_client_being_there(
        self, repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", os.environ["PATH"].partition(":")[2])
        assert spawn(repo) == 1
        assert "client: expected the practice client on PATH" in capsys.readouterr().err

    def test_of_the_spare_being_free(self, repo: GitRepo, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["fleet", str(repo.spares[0]), "spare/7", "feat/x", "Do it."]
        assert spawn_agent.main([*words, "--agent", "practice"]) == 3
        assert "spare worktree: " in capsys.readouterr().err

    def test_of_the_state_file(self, repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (home / "state.json").write_text("damaged")
        assert spawn(repo) == 1
        assert "damaged" in capsys.readouterr().err
        assert (home / "state.json").read_text() == "damaged"

    def test_of_the_fetch(self, repo: GitRepo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        repo.git("remote", "set-url", "origin", str(tmp_path / "gone"))
        assert spawn(repo) == 1
        assert "branch: " in capsys.readouterr().err
        repo.git("remote", "set-url", "origin", str(repo.origin))

    def test_of_a_branch_in_use(self, repo: GitRepo, capsys: pytest.CaptureFixture[str]) -> None:
        assert spawn(repo, branch="main") == 3
        assert "is checked out in" in capsys.readouterr().err

    def test_of_a_client_that_ends(self, repo: GitRepo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "bin" / "practice").write_text("#!/bin/sh\necho no licence for you; exit 3\n")
        assert spawn(repo) == 1
        error = capsys.readouterr().err
        assert "start of the client: the client ended as it started" in error
        assert "no licence for you" in error

    def test_of_a_client_that_never_draws_a_prompt(
        self, repo: GitRepo, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (home / "fleet").mkdir()
        (home / "fleet" / "config.toml").write_text("start_timeout_seconds = 1.5\n")
        (home.parent / "bin" / "practice").write_text(SILENT_CLIENT)
        assert spawn(repo) == 1
        assert "start of the client: no prompt after 1.5 s" in capsys.readouterr().err

    def test_of_a_folder_that_is_not_trusted(self, repo: GitRepo, capsys: pytest.CaptureFixture[str]) -> None:
        repo.git("checkout", "-q", "-b", "feat/hooked")
        (repo.path / ".claude").mkdir()
        (repo.path / ".claude" / "settings.json").write_text('{"hooks": {}}')
        repo.commit("Hooks of a branch")
        repo.git("push", "-q", "origin", "HEAD")
        repo.git("checkout", "-q", "main")
        assert spawn(repo, branch="feat/hooked") == 3
        error = capsys.readouterr().err
        assert "a trust dialog needs a decision" in error
        assert ".claude/settings.json is not as on" in error

    def test_of_the_briefing(self, repo: GitRepo) -> None:
        def failing(*_: object, **__: object) -> Receipt:
            raise FleetError("the text did not arrive")

        with pytest.raises(FleetError, match="briefing: the text did not arrive"):
            spawned_with(repo, failing)

    def test_of_the_record_after_the_agent_has_worked(self, repo: GitRepo, home: Path) -> None:
        written, state_file = repo.spares[0] / "work.txt", home / "state.json"

        def before_the_file_is_damaged(pane_io: PaneIO, pane_id: str, text: str, why: str) -> Receipt:
            receipt = deliver(pane_io, pane_id, text, why=why)
            wait_until(written.exists, what="the agent's work")
            state_file.write_text('{"agents": [{"window": 7}]}')
            return receipt

        with pytest.raises(FleetError) as failed:
            spawned_with(repo, before_the_file_is_damaged, "[[write work.txt done]] [[think 30]]")
        state_file.write_text('{"agents": []}')  # as somebody who mends it by hand
        for claim in (home / "fleet" / "claims").glob("*"):  # an undo that failed in part leaves it to the next spawn
            claim.unlink()
        error = str(failed.value)
        assert "record: " in error
        assert "what was done is kept under refs/fleet/rescue/feat/x-" in error
        ref = re.search(r"refs/fleet/rescue/feat/x-\S+?(?=[;,]|$|\s)", error)
        assert ref is not None
        assert repo.git("show", f"{ref[0]}:work.txt") == "done"

    def test_of_nobody_but_the_caller_who_has_it_stopped(self, repo: GitRepo, tmux_server: TmuxServer) -> None:
        (repo.root.parent / "bin" / "practice").write_text(SILENT_CLIENT)
        argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "spawn-agent", "--session", "fleet"]
        argv += ["--repo", str(repo.path), "--agent", "practice", "--branch", "feat/x", "--objective", OBJECTIVE]
        spawning_process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        windows = ("list-panes", "-a", "-F", "#{pane_current_command}")
        wait_until(lambda: tmux_server.run(*windows).split() == ["sleep", "sleep"], 30, "the client's window")
        spawning_process.terminate()
        assert spawning_process.wait(timeout=30) == 130


def test_ten_at_once_share_six_spares(repo: GitRepo, home: Path) -> None:
    repo.add_spares(4)
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "spawn-agent", "--session", "fleet"]
    argv += ["--repo", str(repo.path), "--agent", "practice", "--objective", "[[say hi]]"]
    started = [
        subprocess.Popen(
            [*argv, "--branch", f"feat/{number}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for number in range(10)
    ]
    ended = [(process.communicate(timeout=170), process.returncode) for process in started]
    assert sorted(code for _, code in ended) == [0] * 6 + [3] * 4, ended
    assert {agent["worktree_path"] for agent in agents(home)} == {str(path) for path in repo.spares}
    assert len({agent["window"] for agent in agents(home)}) == 6
