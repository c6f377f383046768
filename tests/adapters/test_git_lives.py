"""The whole life of an agent (spawn, work, verify, restore, recycle, dispatch) in repositories of every form.

What must still exist is looked at after every step, one by one, and counted.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.install import install
from tests.conftest import RunScript
from tests.git_forms import FORMS, World, fork, hostile, with_submodule
from tests.git_layouts import LAYOUTS
from tests.places import GitRepo, TmuxServer

ALWAYS = (hostile, fork, with_submodule)
"""Tried in every run; the other forms with the long tests."""

USER = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@t"}
Facts = Iterator[tuple[str, object, object]]
"""What it is, how it is found, how it must be."""


def agents(home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((home / "state.json").read_text())["agents"]
    return found


@dataclass
class Life:
    """One agent's, in its worktree, beside a spare, a main and a remote that it must leave as they are."""

    world: World
    checks: int = 0

    def __post_init__(self) -> None:
        self.env = os.environ | self.world.env | USER
        self.path, self.neighbour = self.world.spares
        (self.path / "kept.ignored").write_text("mine\n")
        self.common = Path(self.git("rev-parse", "--path-format=absolute", "--git-common-dir"))
        (self.common / "info").mkdir(exist_ok=True)
        (self.common / "info" / "exclude").write_text("*.ignored\n")
        self.before = [found for _, found in self._seen()]
        self.work = self.rescue = ""

    def git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.path, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def _seen(self) -> Iterator[tuple[str, object]]:
        """What no step may change."""
        yield "the other spare's branch", self.git("symbolic-ref", "HEAD", cwd=self.neighbour)
        yield "the other spare's commit", self.git("rev-parse", "HEAD", cwd=self.neighbour)
        yield "the other spare's files", self.git("status", "--porcelain", cwd=self.neighbour)
        yield "the remote's main", self.git("ls-remote", self.world.push, "refs/heads/main")
        yield "main", self.git("rev-parse", "refs/heads/main")
        yield "the ignored file", (self.path / "kept.ignored").read_text()
        settings = self.git("config", "--file", str(self.common / "config"), "--list").splitlines()
        yield "the repository's settings", sorted(line for line in settings if not line.startswith("branch."))

    def _facts(self) -> Facts:
        for (what, found), before in zip(self._seen(), self.before, strict=True):
            yield what, found, before
        if self.work:
            yield "the pushed branch", self.git("ls-remote", self.world.push, "feat/x").split()[0], self.work
            yield "the branch", self.git("rev-parse", "refs/heads/feat/x"), self.work
        if self.rescue:
            yield "what the rescue is based on", self.git("rev-parse", f"{self.rescue}^1"), self.work
            for name, text in (("unsaved.txt", "not committed"), ("work.txt", "work, and more")):
                yield f"the rescued {name}", self.git("cat-file", "blob", f"{self.rescue}:seen/{name}"), text

    def stands(self, step: str, branch: str, commit: str) -> None:
        """All that must exist after a step, the worktree on its branch and commit among it."""
        here = [
            ("the worktree's branch", self.git("symbolic-ref", "HEAD"), f"refs/heads/{branch}"),
            ("the worktree's commit", self.git("rev-parse", "HEAD"), commit),
        ]
        for what, found, wanted in (*here, *self._facts()):
            assert found == wanted, f"{step}: {what}"
            self.checks += 1


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(form, id=form.__name__, marks=() if form in ALWAYS else pytest.mark.stress)
        for form in (*FORMS, *LAYOUTS)
    ],
)
def test_the_whole_life_of_an_agent(
    form: Callable[[GitRepo, Path, Path], World],
    git_repo: GitRepo,
    tmux_server: TmuxServer,
    home: Path,
    tmp_path: Path,
    run_script: RunScript,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = form(git_repo, tmp_path, home)
    programs = install(tmp_path / "bin").parent
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    (tmp_path / "claude").mkdir()
    tmux_server.new_session("fleet", ["sleep", "900"])
    life, path = Life(world), world.spares[0]

    words = ["--session", "fleet", "--repo", world.repo, "--agent", "practice", "--objective", "Wait."]
    done = run_script("spawn-agent", *words, "--branch", "feat/x", timeout=90)
    assert done.returncode == 0, done.stderr
    (agent,) = agents(home)
    assert agent["repository"]["common_dir"] == os.path.realpath(life.common)
    assert agent["repository"]["remote"] == world.push
    life.stands("spawned", "feat/x", world.start)
    world.finish(world, path)

    (path / "seen").mkdir(exist_ok=True)
    (path / "seen" / "work.txt").write_text("work\n")
    life.git("add", "seen/work.txt")
    life.git("commit", "-q", "--no-gpg-sign", "-m", "Work")
    life.work = life.git("rev-parse", "HEAD")
    refused = run_script("verify-complete", agent["worktree"])
    assert refused.returncode == 3, refused.stdout + refused.stderr
    life.git("push", "-q", world.push, "HEAD:refs/heads/feat/x")
    verified = run_script("verify-complete", agent["worktree"])
    assert verified.returncode == 0, verified.stdout + verified.stderr
    life.stands("verified", "feat/x", life.work)

    tmux_server.run("kill-window", "-t", agent["window_id"])
    restored = run_script("restore-agent", agent["worktree"], timeout=90)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    life.stands("restored", "feat/x", life.work)

    (path / "seen" / "unsaved.txt").write_text("not committed\n")
    (path / "seen" / "work.txt").write_text("work, and more\n")
    assert run_script("recycle-agent", agent["worktree"]).returncode == 3
    recycled = run_script("recycle-agent", agent["worktree"], "--force")
    assert recycled.returncode == 0, recycled.stderr
    (ref,) = [line.removeprefix("rescued: ") for line in recycled.stdout.splitlines() if line.startswith("rescued: ")]
    life.rescue = ref
    life.stands("recycled", "spare/1", world.start)
    life.checks += world.after(world, path)
    assert f"{path.resolve()} spare/1" in run_script("find-spare", world.repo).stdout

    added = run_script(
        "tasks", "add", "again", "Wait again.", "--branch", "task/again", "--agent", "practice", "--repo", world.repo
    )
    assert added.returncode == 0, added.stderr
    dispatched = run_script("tasks", "dispatch", "--session", "fleet", timeout=90)
    assert dispatched.returncode == 0, dispatched.stderr
    assert agents(home)[-1]["branch"] == "task/again", dispatched.stdout
    life.stands("dispatched", "task/again", world.start)
    life.checks += world.after(world, path)
    assert life.checks >= 59
