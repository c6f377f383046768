"""Rescue refs: a commit of everything in a worktree that is nowhere else, kept under ``refs/fleet/rescue``.

Neither the worktree nor its index is touched. The commit's tree is the worktree with its untracked files (ignored ones
not); its first parent is HEAD; a second parent holds what was staged, where that is something else again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.adapters.git.worktrees import changed_paths, own_commits
from fleetscripts.errors import Refused

FOLDER = "refs/fleet/rescue"
_WHO = {
    "GIT_AUTHOR_NAME": "fleetscripts",
    "GIT_AUTHOR_EMAIL": "fleetscripts@localhost",
    "GIT_COMMITTER_NAME": "fleetscripts",
    "GIT_COMMITTER_EMAIL": "fleetscripts@localhost",
}
_NESTED = "160000"


def rescue(git: Git, branch: str | None, stamp: str) -> str | None:
    """The ref that now keeps what this worktree alone holds, None when it holds nothing of its own."""
    head = git.maybe("rev-parse", "--verify", "--quiet", "HEAD")
    if changed_paths(git):
        commit = _commit(git, head, branch)
        earlier = git.text("for-each-ref", "--format=%(refname)", f"--points-at={commit}", FOLDER).splitlines()
        return earlier[0] if earlier else _kept(git, commit, branch, stamp)
    if head is not None and own_commits(git, branch):
        return _kept(git, head, branch, stamp)
    return None


def rescue_branch(git: Git, branch: str, stamp: str) -> str | None:
    """The ref that now keeps a branch's commits which no other ref holds, None when there are none."""
    tip = git.maybe("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
    if tip is None:
        return None
    alone = git.text("rev-list", "--count", tip, "--not", f"--exclude=refs/heads/{branch}", "--glob=refs/*")
    return _kept(git, tip, branch, stamp) if int(alone) else None


def _commit(git: Git, head: str | None, branch: str | None) -> str:
    with tempfile.TemporaryDirectory(prefix="fleet-rescue-") as folder:
        everything, staged = Path(folder, "everything"), Path(folder, "staged")
        index = Path(git.folder, git.text("rev-parse", "--git-path", "index"))
        if index.exists():
            shutil.copyfile(index, everything)
            shutil.copyfile(index, staged)
        git.run("add", "--all", "--", ".", env={"GIT_INDEX_FILE": str(everything)})
        _refuse_nested(git, everything, head)
        tree = git.text("write-tree", GIT_INDEX_FILE=str(everything))
        parents = [] if head is None else [head]
        staged_tree = _staged_tree(git, staged) if staged.exists() else None
        if staged_tree is not None and staged_tree not in (tree, head and git.text("rev-parse", f"{head}^{{tree}}")):
            parents.append(_commit_tree(git, staged_tree, parents, f"Staged on {branch or 'a detached HEAD'}"))
        return _commit_tree(git, tree, parents, f"Rescued from {branch or 'a detached HEAD'}")


def _commit_tree(git: Git, tree: str, parents: list[str], message: str) -> str:
    """A commit that depends on its contents alone, so that a second try makes the very same one."""
    words = [word for parent in parents for word in ("-p", parent)]
    date = git.text("show", "--no-patch", "--format=%ct +0000", parents[0]) if parents else "0 +0000"
    return git.text("commit-tree", tree, *words, "-m", message, **_WHO, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)


def _staged_tree(git: Git, index: Path) -> str | None:
    """The index as a tree; None in the middle of a conflict, when it is none."""
    try:
        return git.text("write-tree", GIT_INDEX_FILE=str(index))
    except GitFailed:
        return None


def _refuse_nested(git: Git, index: Path, head: str | None) -> None:
    """A repository inside the worktree would be kept only by name, and ``git clean`` leaves it."""
    base = head or git.text("hash-object", "-t", "tree", os.devnull)
    listed = git.text("diff-index", "--cached", "--raw", "-z", "--no-renames", base, GIT_INDEX_FILE=str(index))
    fields = listed.split("\0")
    for how, path in zip(fields[::2], fields[1::2], strict=False):
        before, after = how[1:].split(" ")[:2]
        if after == _NESTED != before:
            raise Refused(
                f"{git.folder}/{path} is a git repository of its own: move it away first, nothing was changed"
            )


def _kept(git: Git, commit: str, branch: str | None, stamp: str) -> str:
    name = f"{FOLDER}/{branch or 'detached'}-{stamp}"
    for ref in (name, *(f"{name}-{number}" for number in range(2, 100))):
        if git.says("update-ref", ref, commit, "0" * len(commit)):
            return ref
    raise GitFailed(f"cannot write the ref {name} in {git.folder}: nothing was changed")
