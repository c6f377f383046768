"""The whole life of an agent (spawn, work, verify, restore, recycle, dispatch) in repositories of every form.

What must still exist afterwards is asserted one by one, and counted.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.install import install
from tests.conftest import RunScript
from tests.places import GitRepo, TmuxServer

HOSTILE = """
[log]
    showSignature = true
    follow = true
    decorate = full
[submodule]
    recurse = true
[core]
    hooksPath = {hooks}
    autocrlf = input
    fsmonitor = {hooks}/pre-commit
    quotePath = true
    pager = {hooks}/pre-commit
    editor = {hooks}/pre-commit
    checkStat = minimal
    trustctime = false
    splitIndex = true
    untrackedCache = true
    excludesFile = {hooks}/excludes
    attributesFile = {hooks}/attributes
    warnAmbiguousRefs = false
    logAllRefUpdates = always
[commit]
    gpgSign = true
[tag]
    gpgSign = true
    forceSignAnnotated = true
[gpg]
    program = {hooks}/pre-commit
[color]
    ui = always
    status = always
    diff = always
    branch = always
[column]
    ui = always
[status]
    short = true
    branch = true
    showStash = true
    showUntrackedFiles = no
    relativePaths = true
    renames = copies
    submoduleSummary = true
[diff]
    external = {hooks}/pre-commit
    noprefix = true
    mnemonicPrefix = true
    renames = copies
    relative = true
    ignoreSubmodules = all
    orderFile = {hooks}/nowhere
[fetch]
    prune = true
    pruneTags = true
    recurseSubmodules = true
    writeCommitGraph = true
[push]
    default = nothing
    gpgSign = if-asked
[checkout]
    guess = true
    workers = 4
[branch]
    autoSetupMerge = always
    autoSetupRebase = always
[init]
    templateDir = {hooks}
[alias]
    status = !false
    st = !false
    checkout = !false
[format]
    pretty = raw
    notes = true
[i18n]
    logOutputEncoding = UTF-16
    commitEncoding = ISO-8859-1
[pager]
    log = true
    status = true
    config = true
[merge]
    ff = only
[pull]
    rebase = true
[advice]
    detachedHead = true
[safe]
    bareRepository = all
[gc]
    auto = 1
[maintenance]
    auto = true
"""


@dataclass
class World:
    """A repository with two spares in one of the forms; ``start``: what an agent's branch must start from."""

    git: GitRepo
    root: Path
    repo: Path
    spares: list[Path]
    start: str
    env: dict[str, str] = field(default_factory=dict)
    push: str = "origin"
    finish: Callable[[World, Path], None] = lambda world, path: None
    after: Callable[[World, Path], int] = lambda world, path: 0


def add_spares(git: GitRepo, repo: Path, base: str, count: int = 2) -> list[Path]:
    paths = []
    for number in range(1, count + 1):
        path = repo.parent / f"spare-{number}"
        git.git("worktree", "add", "-q", "--no-track", "-b", f"spare/{number}", str(path), base, cwd=repo)
        paths.append(path)
    return paths


def plain(git: GitRepo, root: Path, home: Path) -> World:
    return World(git, root, git.path, add_spares(git, git.path, "main"), git.git("rev-parse", "main"))


def hostile(git: GitRepo, root: Path, home: Path) -> World:
    world = plain(git, root, home)
    hooks = root / "hooks"
    (hooks / "hooks").mkdir(parents=True)
    for place in (hooks, hooks / "hooks"):
        for name in ("pre-commit", "post-checkout", "post-commit", "reference-transaction", "pre-push"):
            (place / name).write_text(f"#!/bin/sh\necho $0 >> {root}/ran\nexit 1\n")
            (place / name).chmod(0o755)
    (hooks / "excludes").write_text("*.ignored\n")
    (hooks / "attributes").write_text("*.txt text\n")
    (home / ".gitconfig").write_text((home / ".gitconfig").read_text() + HOSTILE.format(hooks=hooks))
    world.env = {"GIT_CONFIG_GLOBAL": "/dev/null"}

    def after(world: World, path: Path) -> int:
        assert not (root / "ran").exists(), (root / "ran").read_text()
        return 1

    world.after = after
    return world


def bare(git: GitRepo, root: Path, home: Path) -> World:
    repo = root / "bare" / "project.git"
    git.git("clone", "-q", "--bare", str(git.origin), str(repo), cwd=root)
    git.commit("newer than the bare clone's main")
    git.git("push", "-q", "origin", "main")
    return World(git, root, repo, add_spares(git, repo, "main"), git.git("rev-parse", "main"))


def mirror(git: GitRepo, root: Path, home: Path) -> World:
    world = bare(git, root, home)
    git.git("config", "remote.origin.fetch", "+refs/*:refs/*", cwd=world.repo)
    return world


def shallow(git: GitRepo, root: Path, home: Path) -> World:
    git.commit("second")
    git.git("push", "-q", "origin", "main")
    repo = root / "shallow" / "repo"
    git.git("clone", "-q", "--depth=1", f"file://{git.origin}", str(repo), cwd=root)
    git.commit("newer")
    git.git("push", "-q", "origin", "main")
    return World(git, root, repo, add_spares(git, repo, "main"), git.git("rev-parse", "main"))


def sparse(git: GitRepo, root: Path, home: Path) -> World:
    for name in ("seen", "left-out"):
        (git.path / name).mkdir()
        (git.path / name / "file").write_text(f"{name}\n")
    git.commit("folders")
    git.git("push", "-q", "origin", "main")
    world = plain(git, root, home)
    for spare in world.spares:
        git.git("sparse-checkout", "set", "seen", cwd=spare)

    def after(world: World, path: Path) -> int:
        assert not (path / "left-out").exists()
        assert (path / "seen" / "file").read_text() == "seen\n"
        return 2

    world.after = after
    return world


def fork(git: GitRepo, root: Path, home: Path) -> World:
    target = root / "target.git"
    git.git("clone", "-q", "--bare", str(git.origin), str(target), cwd=root)
    git.git("remote", "add", "upstream", str(target))
    git.commit("only the target has this")
    git.git("push", "-q", "upstream", "main")
    start = git.git("rev-parse", "main")
    git.git("reset", "-q", "--hard", "HEAD~1")
    git.git("update-ref", "-d", "refs/remotes/upstream/main")
    return World(git, root, git.path, add_spares(git, git.path, "main"), start)


def no_origin(git: GitRepo, root: Path, home: Path) -> World:
    world = fork(git, root, home)
    git.git("remote", "rename", "origin", "mine")
    world.push = "mine"
    git.git("config", "remote.pushDefault", "mine")
    return world


def filtered(git: GitRepo, root: Path, home: Path) -> World:
    """A file committed without the filter that its attributes name: git calls it modified after every checkout."""
    git.git("config", "--global", "filter.store.clean", "sed s/^/stored:/")
    git.git("config", "--global", "filter.store.smudge", "sed s/^stored://")
    (git.path / "asset.bin").write_text("plain\n")
    git.commit("an asset")
    (git.path / ".gitattributes").write_text("*.bin filter=store\n*.crlf text eol=crlf\n")
    git.git("add", ".gitattributes")
    git.git("commit", "-q", "-m", "attributes afterwards")
    git.git("push", "-q", "origin", "main")
    world = plain(git, root, home)
    assert git.git("status", "--porcelain", cwd=world.spares[0]) in ("", "M asset.bin")

    def after(world: World, path: Path) -> int:
        assert (path / "asset.bin").read_text() == "plain\n"
        return 1

    world.after = after
    return world


def with_submodule(git: GitRepo, root: Path, home: Path) -> World:
    git.git("config", "--global", "protocol.file.allow", "always")
    library = GitRepo(root / "library").create()
    git.git("submodule", "add", "-q", str(library.origin), "lib")
    git.commit("with a library")
    git.git("push", "-q", "origin", "main")
    world = plain(git, root, home)
    for spare in world.spares:
        git.git("submodule", "update", "-q", "--init", cwd=spare)
    newer = library.commit("newer library")
    library.git("push", "-q", "origin", "main")
    git.git("fetch", "-q", "origin", cwd=git.path / "lib")
    git.git("checkout", "-q", newer, cwd=git.path / "lib")
    git.commit("newer pin")
    git.git("push", "-q", "origin", "main")
    world.start = git.git("rev-parse", "main")

    def after(world: World, path: Path) -> int:
        assert git.git("rev-parse", "HEAD", cwd=path / "lib") == newer
        assert git.git("submodule", "status", cwd=path).startswith(newer)
        return 2

    world.finish = lambda world, path: after(world, path) and None
    world.after = after
    return world


def crlf(git: GitRepo, root: Path, home: Path) -> World:
    """Committed with CRLF before the attributes said so: modified after every checkout, in each worktree."""
    (git.path / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    git.commit("a file with CRLF")
    (git.path / ".gitattributes").write_text("*.txt text eol=crlf\n")
    git.git("add", ".gitattributes")
    git.git("commit", "-q", "-m", "attributes afterwards")
    git.git("push", "-q", "origin", "main")
    world = plain(git, root, home)

    def after(world: World, path: Path) -> int:
        assert (path / "dos.txt").read_bytes() == b"one\r\ntwo\r\n"
        return 1

    world.after = after
    return world


def partial(git: GitRepo, root: Path, home: Path) -> World:
    git.git("config", "uploadpack.allowFilter", "true", cwd=git.origin)
    repo = root / "partial" / "repo"
    git.git("clone", "-q", "--filter=blob:none", "--single-branch", f"file://{git.origin}", str(repo), cwd=root)
    git.commit("newer")
    git.git("push", "-q", "origin", "main")
    return World(git, root, repo, add_spares(git, repo, "main"), git.git("rev-parse", "main"))


def rewritten_url(git: GitRepo, root: Path, home: Path) -> World:
    """The user's own short names for where repositories are."""
    git.git("config", "--global", f"url.{git.origin.parent}/.insteadOf", "corp:")
    git.git("remote", "set-url", "origin", f"corp:{git.origin.name}")
    return plain(git, root, home)


FORMS = [
    *(plain, hostile, bare, mirror, shallow, partial, sparse, fork, no_origin, filtered, crlf, rewritten_url),
    with_submodule,
]
ALWAYS = (hostile, fork, with_submodule)
"""Tried in every run; the other forms with the long tests."""


def agents(home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((home / "state.json").read_text())["agents"]
    return found


def git_as(env: dict[str, str], path: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=path, env=os.environ | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "form",
    [pytest.param(form, id=form.__name__, marks=() if form in ALWAYS else pytest.mark.stress) for form in FORMS],
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
    user = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@t"}
    env = world.env | user
    path = world.spares[0]
    (world.spares[0] / "kept.ignored").write_text("mine\n")
    common = Path(git_as(env, path, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    (common / "info").mkdir(exist_ok=True)
    (common / "info" / "exclude").write_text("*.ignored\n")
    exists = 0

    words = ["--session", "fleet", "--repo", world.repo, "--agent", "practice", "--objective", "Wait."]
    done = run_script("spawn-agent", *words, "--branch", "feat/x", timeout=90)
    assert done.returncode == 0, done.stderr
    assert git_as(env, path, "rev-parse", "HEAD") == world.start
    (agent,) = agents(home)
    assert agent["repository"]["common_dir"] == os.path.realpath(common)
    assert agent["repository"]["remote"] == world.push
    world.finish(world, path)

    (path / "seen").mkdir(exist_ok=True)
    (path / "seen" / "work.txt").write_text("work\n")
    git_as(env, path, "add", "seen/work.txt")
    git_as(env, path, "commit", "-q", "--no-gpg-sign", "-m", "Work")
    work = git_as(env, path, "rev-parse", "HEAD")
    refused = run_script("verify-complete", agent["worktree"])
    assert refused.returncode == 3, refused.stdout
    git_as(env, path, "push", "-q", world.push, "HEAD:refs/heads/feat/x")
    verified = run_script("verify-complete", agent["worktree"])
    assert verified.returncode == 0, verified.stdout

    tmux_server.run("kill-window", "-t", agent["window_id"])
    restored = run_script("restore-agent", agent["worktree"], timeout=90)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert git_as(env, path, "rev-parse", "HEAD") == work

    (path / "seen" / "unsaved.txt").write_text("not committed\n")
    (path / "seen" / "work.txt").write_text("work, and more\n")
    assert run_script("recycle-agent", agent["worktree"]).returncode == 3
    recycled = run_script("recycle-agent", agent["worktree"], "--force")
    assert recycled.returncode == 0, recycled.stderr
    (ref,) = [line.removeprefix("rescued: ") for line in recycled.stdout.splitlines() if line.startswith("rescued: ")]
    for name, text in (("unsaved.txt", "not committed"), ("work.txt", "work, and more")):
        assert git_as(env, path, "cat-file", "blob", f"{ref}:seen/{name}") == text
        exists += 1
    assert git_as(env, path, "rev-parse", f"{ref}^1") == work
    assert git_as(env, path, "rev-parse", "refs/heads/feat/x") == work
    assert git_as(env, path, "symbolic-ref", "HEAD") == "refs/heads/spare/1"
    assert git_as(env, path, "rev-parse", "HEAD") == world.start
    assert (path / "kept.ignored").read_text() == "mine\n"
    exists += 5 + world.after(world, path)

    added = run_script(
        "tasks", "add", "again", "Wait again.", "--branch", "task/again", "--agent", "practice", "--repo", world.repo
    )
    assert added.returncode == 0, added.stderr
    dispatched = run_script("tasks", "dispatch", "--session", "fleet", timeout=90)
    assert dispatched.returncode == 0, dispatched.stderr
    assert agents(home)[-1]["branch"] == "task/again", dispatched.stdout
    assert git_as(env, path, "symbolic-ref", "HEAD") == "refs/heads/task/again"
    assert git_as(env, path, "rev-parse", "HEAD") == world.start
    exists += world.after(world, path)
    assert exists >= 7, exists
