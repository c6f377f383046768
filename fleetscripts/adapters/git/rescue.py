"""Rescue refs: commits of everything in a worktree that is nowhere else, under ``refs/fleet/rescue``.

Neither the worktree nor its index is touched. The commit's tree is the worktree with its untracked files (and named
ignored ones); its first parent is HEAD; a second parent holds the staged state if that differs. A submodule's content
is kept in the submodule's own repository."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from fleetscripts.adapters.git.changes import changes, status
from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.adapters.git.index_listing import Listing, listed, listing, watching_index
from fleetscripts.adapters.git.special_files import is_special
from fleetscripts.adapters.git.submodules import Submodule, submodules
from fleetscripts.adapters.git.worktrees import own_commits
from fleetscripts.errors import Refusal

FOLDER = "refs/fleet/rescue"
_WHO = {
    "GIT_AUTHOR_NAME": "fleetscripts",
    "GIT_AUTHOR_EMAIL": "fleetscripts@localhost",
    "GIT_COMMITTER_NAME": "fleetscripts",
    "GIT_COMMITTER_EMAIL": "fleetscripts@localhost",
}


def rescue(git: Git, branch: str | None, stamp: str, ignored: Iterable[str] = ()) -> list[str]:
    """The refs that now hold what only this worktree had, those of submodules prefixed with their path. ``ignored``:
    paths of ignored files to keep too. Refusal if something cannot be kept."""
    known = listing(git)
    modules = submodules(git, known.links)
    _refuse_foreign(git, modules)
    kept = [
        f"{module.path}: {ref}"
        for module in modules
        if module.git is not None
        for ref in rescue(module.git, module.git.branch(), stamp)
    ]
    head = git.maybe("rev-parse", "--verify", "--quiet", "HEAD")
    commit = _commit(git, known, head, branch, tuple(ignored))
    if commit is not None:
        earlier = git.text("for-each-ref", "--format=%(refname)", f"--points-at={commit}", FOLDER).splitlines()
        return [*kept, earlier[0] if earlier else _kept(git, commit, branch, stamp)]
    if head is not None and own_commits(git, branch):
        return [*kept, _kept(git, head, branch, stamp)]
    return kept


def rescue_branch(git: Git, branch: str, stamp: str) -> str | None:
    """The ref that now holds a branch's commits that no other ref has, None if there are none."""
    tip = git.maybe("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
    if tip is None:
        return None
    alone = git.text("rev-list", "--count", tip, "--not", f"--exclude=refs/heads/{branch}", "--glob=refs/*")
    return _kept(git, tip, branch, stamp) if int(alone) else None


def _commit(git: Git, known: Listing, head: str | None, branch: str | None, ignored: tuple[str, ...]) -> str | None:
    """A commit of the worktree's content; None if that is HEAD's own tree and nothing else was staged."""
    with watching_index(git, known) as index:
        staged = index.with_name("staged")
        if index.exists():
            shutil.copy2(index, staged)
        own = set(changes(git).as_checked_out)
        _add(git, index, (*(path for _, path in status(git, index, "all") if path not in own), *ignored))
        tree = git.text("write-tree", GIT_INDEX_FILE=str(index))
        before = git.text("rev-parse", f"{head}^{{tree}}") if head else None
        parents = [] if head is None else [head]
        staged_tree = _staged_tree(git, staged) if staged.exists() else None
        if staged_tree is not None and staged_tree not in (tree, before):
            parents.append(_commit_tree(git, staged_tree, parents, f"Staged on {branch or 'a detached HEAD'}"))
        elif tree == (before or _empty_tree(git)):
            return None
        return _commit_tree(git, tree, parents, f"Rescued from {branch or 'a detached HEAD'}")


def _add(git: Git, index: Path, paths: tuple[str, ...]) -> None:
    """Add these files to the index as they are, and remove deleted ones. Nested repositories are not entered."""
    nested = next((path for path in paths if path.endswith("/")), None)
    if nested is not None:
        raise _own_repository(git, nested.rstrip("/"), "a git repository of its own")
    gone = [path for path in paths if is_special(git.folder / path) or _is_behind_link(git.folder, path)]
    kept = [path for path in paths if path not in gone]
    for how, some in (("--force-remove", gone), ("--remove", kept)):
        if some:
            words = ("update-index", "--add", how, "--replace", "-z", "--stdin")
            git.run(*words, env={"GIT_INDEX_FILE": str(index)}, given=listed(some))


def _is_behind_link(folder: Path, path: str) -> bool:
    """Whether one of the path's folders in git is now a link: what is there is not the worktree's own."""
    return any((folder / above).is_symlink() for above in Path(path).parents[:-1])


def _empty_tree(git: Git) -> str:
    return git.run("mktree").decode().strip()


def _commit_tree(git: Git, tree: str, parents: list[str], message: str) -> str:
    """A commit that depends only on its contents, so that a retry makes the same one."""
    words = [word for parent in parents for word in ("-p", parent)]
    date = git.text("show", "--no-patch", "--format=@%ct +0000", parents[0]) if parents else "@0 +0000"
    return git.text("commit-tree", tree, *words, "-m", message, **_WHO, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)


def _staged_tree(git: Git, index: Path) -> str | None:
    """The index as a tree; None during a conflict."""
    try:
        return git.text("write-tree", GIT_INDEX_FILE=str(index))
    except GitFailed:
        return None


def _refuse_foreign(git: Git, modules: Iterable[Submodule]) -> None:
    """Refuse nested content that would be kept only by name, or not at all."""
    for module in modules:
        if module.foreign:
            raise _own_repository(git, module.path, module.foreign)


def _own_repository(git: Git, path: str, what: str) -> Refusal:
    return Refusal(f"{git.folder}/{path} is {what}: move it away first")


def _kept(git: Git, commit: str, branch: str | None, stamp: str) -> str:
    name = f"{FOLDER}/{branch or 'detached'}-{stamp}"
    for ref in (name, *(f"{name}-{number}" for number in range(2, 100))):
        if git.says("update-ref", ref, commit, "0" * len(commit)):
            return ref
    raise GitFailed(f"cannot write the ref {name} in {git.folder}")
