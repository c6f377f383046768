"""Repositories in every form that people have them in, each with two spare worktrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.places import GitRepo

HOSTILE = (Path(__file__).parent / "hostile.gitconfig").read_text(encoding="utf-8")


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


FORMS = (
    *(plain, hostile, bare, mirror, shallow, partial, sparse, fork, no_origin, filtered, crlf, rewritten_url),
    with_submodule,
)
