"""Where a repository keeps its objects, refs, settings and worktrees, in every way that git knows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.git_forms import World, add_spares, plain, with_submodule
from tests.places import GitRepo


def needs_git(major: int, minor: int) -> None:
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    assert found is not None, said
    if (int(found[1]), int(found[2])) < (major, minor):
        pytest.skip(f"only on git {major}.{minor} and later")


def made_with(root: Path, variable: str, value: str) -> GitRepo:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(variable, value)
        return GitRepo(root / value).create()


def sha256(git: GitRepo, root: Path, home: Path) -> World:
    made = made_with(root, "GIT_DEFAULT_HASH", "sha256")
    assert len(made.git("rev-parse", "HEAD")) == 64
    return plain(made, root, home)


def reftable(git: GitRepo, root: Path, home: Path) -> World:
    needs_git(2, 45)
    made = made_with(root, "GIT_DEFAULT_REF_FORMAT", "reftable")
    assert (made.path / ".git" / "reftable").is_dir()
    return plain(made, root, home)


def worktree_config(git: GitRepo, root: Path, home: Path) -> World:
    """Each worktree has settings of its own; the agent's must stay the agent's."""
    git.git("config", "extensions.worktreeConfig", "true")
    world = plain(git, root, home)
    for number, spare in enumerate(world.spares, 1):
        git.git("config", "--worktree", "fleet.mark", str(number), cwd=spare)

    def after(world: World, path: Path) -> int:
        for number, spare in enumerate(world.spares, 1):
            assert git.git("config", "fleet.mark", cwd=spare) == str(number)
        return 2

    world.after = after
    return world


def core_worktree(git: GitRepo, root: Path, home: Path) -> World:
    git.git("config", "core.worktree", str(git.path))
    return plain(git, root, home)


def relative(git: GitRepo, root: Path, home: Path) -> World:
    needs_git(2, 48)
    git.git("config", "worktree.useRelativePaths", "true")
    world = plain(git, root, home)
    assert (world.spares[0] / ".git").read_text().startswith("gitdir: ../")
    return world


def reference(git: GitRepo, root: Path, home: Path) -> World:
    """Objects are borrowed from another clone."""
    repo = root / "borrowing" / "repo"
    git.git("clone", "-q", "--reference", str(git.path), str(git.origin), str(repo), cwd=root)
    assert (repo / ".git" / "objects" / "info" / "alternates").exists()
    return World(git, root, repo, add_spares(git, repo, "main"), git.git("rev-parse", "main"))


def separate_git_dir(git: GitRepo, root: Path, home: Path) -> World:
    repo = root / "apart" / "repo"
    there = f"--separate-git-dir={root / 'kept' / 'project.git'}"
    (root / "kept").mkdir()
    git.git("clone", "-q", there, str(git.origin), str(repo), cwd=root)
    assert (repo / ".git").is_file()
    return World(git, root, repo, add_spares(git, repo, "main"), git.git("rev-parse", "main"))


def linked(git: GitRepo, root: Path, home: Path) -> World:
    """All is reached through a link, and the spares were made through it."""
    (root / "short").symlink_to(git.root)
    repo = root / "short" / git.path.name
    return World(git, root, repo, add_spares(git, repo, "main"), git.git("rev-parse", "main"))


def odd_names(git: GitRepo, root: Path, home: Path) -> World:
    """Blanks, quotes, letters in both normalisations, and what shells, tmux and git read as more than a name."""
    place = root / 'It\'s "Ünï cödé" cafe\u0301 $(touch x) #{pane_id} {a,b} [x] %d ~'
    return plain(GitRepo(place).create(), root, home)


def alike(git: GitRepo, root: Path, home: Path) -> World:
    """Names that differ in case alone, of branches and worktrees."""
    git.git("branch", "FEAT/X")
    git.git("branch", "Spare/1")
    world = plain(git, root, home)
    git.git("worktree", "add", "-q", "-b", "other", str(git.root / "Spare-1"), "main")

    def after(world: World, path: Path) -> int:
        assert git.git("rev-parse", "FEAT/X") == git.git("rev-parse", "Spare/1") == world.start
        assert git.git("symbolic-ref", "HEAD", cwd=git.root / "Spare-1") == "refs/heads/other"
        return 2

    world.after = after
    return world


def tuned(git: GitRepo, root: Path, home: Path) -> World:
    """All that makes git quicker: caches of the index, a file system's watcher, packed refs and objects."""
    for setting in ("core.fsmonitor", "core.untrackedCache", "feature.manyFiles", "core.multiPackIndex"):
        git.git("config", setting, "true")
    world = plain(git, root, home)
    for spare in world.spares:
        git.git("update-index", "--untracked-cache", cwd=spare)
        git.git("status", cwd=spare)
    git.git("pack-refs", "--all")
    git.git("repack", "-q", "-a", "-d", "-b")
    git.git("commit-graph", "write", "--reachable")
    return world


def nested_submodule(git: GitRepo, root: Path, home: Path) -> World:
    """A submodule in a submodule."""
    git.git("config", "--global", "protocol.file.allow", "always")
    inner = GitRepo(root / "inner").create()
    outer = GitRepo(root / "outer").create()
    outer.git("submodule", "add", "-q", str(inner.origin), "inner")
    outer.commit("with an inner one")
    outer.git("push", "-q", "origin", "main")
    git.git("submodule", "add", "-q", str(outer.origin), "lib")
    git.commit("with a library")
    git.git("push", "-q", "origin", "main")
    world = plain(git, root, home)
    for spare in world.spares:
        git.git("submodule", "update", "-q", "--init", "--recursive", cwd=spare)
    pin = inner.git("rev-parse", "HEAD")

    def after(world: World, path: Path) -> int:
        assert git.git("rev-parse", "HEAD", cwd=path / "lib" / "inner") == pin
        assert git.git("status", "--porcelain", "--ignore-submodules=none", cwd=path / "lib") == ""
        return 2

    world.after = after
    return world


def submodule_worktree_config(git: GitRepo, root: Path, home: Path) -> World:
    """Submodules with settings for each worktree, as a sparse checkout in one makes them."""
    world = with_submodule(git, root, home)
    for spare in world.spares:
        git.git("config", "extensions.worktreeConfig", "true", cwd=spare / "lib")
        git.git("config", "--worktree", "fleet.mark", spare.name, cwd=spare / "lib")
    pinned = world.after

    def after(world: World, path: Path) -> int:
        assert git.git("config", "fleet.mark", cwd=path / "lib") == path.name
        return 1 + pinned(world, path)

    world.after = after
    return world


def moved(git: GitRepo, root: Path, home: Path) -> World:
    """The repository lies elsewhere since, and git's own repair has been called."""
    spares = plain(git, root, home).spares
    repo = git.path.rename(git.root / "moved")
    git.git("worktree", "repair", cwd=repo)
    return World(git, root, repo, spares, git.git("rev-parse", "main", cwd=repo))


def stashed(git: GitRepo, root: Path, home: Path) -> World:
    """Something is put aside in each worktree; git keeps that for all of them together."""
    world = plain(git, root, home)
    for spare in world.spares:
        (spare / "README.md").write_text(f"aside in {spare.name}\n")
        git.git("stash", "push", "-q", cwd=spare)
    kept = git.git("stash", "list", "--format=%H")

    def after(world: World, path: Path) -> int:
        assert git.git("stash", "list", "--format=%H") == kept
        assert git.git("show", "stash@{0}:README.md") == "aside in spare-2"
        return 2

    world.after = after
    return world


def twice_normalised(git: GitRepo, root: Path, home: Path) -> World:
    """Files whose names differ by case or by normalisation alone, as one system writes and another cannot."""
    for name in ("caf\u00e9.txt", "cafe\u0301.txt", "Readme.md", "two\nlines.txt", 'q"uo\te.txt'):
        (git.path / name).write_text(name)
    git.commit("names")
    git.git("push", "-q", "origin", "main")
    world = plain(git, root, home)

    def after(world: World, path: Path) -> int:
        assert [(path / name).read_text() for name in ("caf\u00e9.txt", "cafe\u0301.txt")] == [
            "caf\u00e9.txt",
            "cafe\u0301.txt",
        ]
        assert (path / "README.md").read_text() == "hello\n"
        return 2

    world.after = after
    return world


def few_refs(git: GitRepo, root: Path, home: Path) -> World:
    """Of the remote only some branches are fetched, and no tags."""
    git.git("config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main")
    git.git("config", "--add", "remote.origin.fetch", "+refs/heads/feat/*:refs/remotes/origin/feat/*")
    git.git("config", "remote.origin.tagOpt", "--no-tags")
    return plain(git, root, home)


LAYOUTS = (
    *(stashed, twice_normalised, few_refs),
    *(sha256, reftable, worktree_config, core_worktree, relative, reference, separate_git_dir, linked, odd_names),
    *(alike, tuned, nested_submodule, submodule_worktree_config, moved),
)
