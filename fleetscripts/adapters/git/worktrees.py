"""The worktrees of a repository, and the content of each that exists nowhere else."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.git.changes import changed_paths
from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.errors import FleetError
from fleetscripts.models import Repository, WorktreeContents, WorktreeFacts

_BRANCH = "refs/heads/"
_OPERATIONS = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}


_OF_THE_WORKTREE = ("refs/bisect/*", "refs/worktree/*", "refs/rewritten/*")
"""Refs that belong to the worktree, so they keep nothing."""

_PREFIXES = tuple(name.removesuffix("*") for name in _OF_THE_WORKTREE)

_LOCKS = ("index.lock", "HEAD.lock", "config.worktree.lock")


class NoRepository(FleetError):
    """The folder is in no git repository."""


def worktrees(repo: Path, recorded: Repository | None = None) -> list[WorktreeFacts]:
    """Every worktree of the repository that ``repo`` belongs to (or is recorded to belong to), the main one first."""
    if not _is_folder(repo):
        raise NoRepository(f"no such folder: {str(repo)!r}: give the path of a git repository")
    try:
        listing = Git(repo, recorded).text("worktree", "list", "--porcelain", "-z")
    except GitFailed as error:
        if "not a git repository" in str(error):
            found = f"not a git repository: {str(repo)!r}: give the path of one, or call from inside one"
            raise NoRepository(found) from error
        raise GitFailed(_explained(str(error), repo)) from error
    return [_facts(entry.split("\0")) for entry in listing.split("\0\0") if entry]


def _explained(error: str, repo: Path) -> str:
    if "dubious ownership" in error:
        place = repo.absolute()
        return (
            f"git refuses {place}, since it belongs to another user: make it yours (chown),"
            f" or trust it: git config --global --add safe.directory {shlex.quote(str(place))}"
        )
    outdated = "unknown switch" in error or "usage:" in error
    return f"{error} (git 2.36 or newer is needed)" if outdated else error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no file can have
        return False


def _facts(lines: list[str]) -> WorktreeFacts:
    said = {key: value for key, _, value in (line.partition(" ") for line in lines)}
    branch = said.get("branch")
    head = said.get("HEAD", "")
    return WorktreeFacts(
        path=said["worktree"],
        branch=None if branch is None else branch.removeprefix(_BRANCH),
        head=head if head.strip("0") else "",
        bare="bare" in said,
        locked=said.get("locked"),
        prunable=said.get("prunable"),
    )


def common_folder(repo: Path) -> str:
    """The real path of the folder that all worktrees of the repository share."""
    return os.path.realpath(repo / Git(repo).text("rev-parse", "--git-common-dir"))


def refs_by_commit(repo: Path) -> dict[str, list[str]]:
    """The repository's refs by their object."""
    found: dict[str, list[str]] = {}
    for line in Git(repo).text("for-each-ref", "--format=%(objectname) %(refname)").splitlines():
        commit, _, ref = line.partition(" ")
        found.setdefault(commit, []).append(ref)
    return found


def contents(facts: WorktreeFacts, common: str, refs: Mapping[str, Sequence[str]]) -> WorktreeContents:
    """What only this worktree of the repository with this common folder has; raises if git cannot say, or it points to
    another repository. ``refs``: the repository's, from ``refs_by_commit``."""
    git = Git.in_worktree(facts.path)
    if git.repository is None or git.repository.common_dir != common:
        raise GitFailed(f"{facts.path}/.git points to another repository than {common}")
    if why := stuck(git):
        raise GitFailed(why)
    changes = changed_paths(git)
    return WorktreeContents(
        changes=len(changes),
        first_change=changes[0] if changes else "",
        operation=operation(git),
        own_commits=0 if _named_elsewhere(facts, refs) else own_commits(git, facts.branch),
    )


def _named_elsewhere(facts: WorktreeFacts, refs: Mapping[str, Sequence[str]]) -> bool:
    """Whether a ref that outlives this worktree names its very commit, as for most spares."""
    own = {f"{_BRANCH}{facts.branch}"}
    return any(ref not in own and not ref.startswith(_PREFIXES) for ref in refs.get(facts.head, ()))


def operation(git: Git) -> str | None:
    """The unfinished merge, rebase, … here."""
    return next((name for mark, name in _OPERATIONS.items() if (git.git_dir / mark).exists()), None)


def stuck(git: Git) -> str:
    """Why git cannot change this worktree now, empty if it can."""
    for name in _LOCKS:
        if os.path.lexists(git.git_dir / name):
            return f"{git.git_dir / name} stands: another git is at work there, or one died (then remove the file)"
    for place in (git.folder, git.git_dir):
        if not os.access(place, os.W_OK | os.X_OK):
            return f"{place} cannot be written"
    return ""


def unwritable(git: Git) -> str:
    """A folder with git's or the agent's files that cannot be changed; empty if all can."""
    listed = git.text("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for folder in sorted({(git.folder / path).parent for path in listed}):
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            return f"{folder} cannot be written by you: change its owner or mode"
    return ""


def own_commits(git: Git, branch: str | None) -> int:
    """How many commits of HEAD are only on its own branch."""
    but_its_own = [f"--exclude={name}" for name in (*_OF_THE_WORKTREE, *([f"{_BRANCH}{branch}"] if branch else []))]
    return int(git.text("rev-list", "--count", "HEAD", "--not", *but_its_own, "--glob=refs/*"))
