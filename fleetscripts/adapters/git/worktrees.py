"""The worktrees of a repository, and what stands in one of them that is nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.errors import FleetError
from fleetscripts.models import WorktreeContents, WorktreeFacts

_BRANCH = "refs/heads/"
_OPERATIONS = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}


class NoRepository(FleetError):
    """The folder is in no git repository."""


def worktrees(repo: Path) -> list[WorktreeFacts]:
    """Every worktree of the repository that ``repo`` belongs to, the main one first."""
    if not _is_folder(repo):
        raise NoRepository(f"no such folder: {str(repo)!r}: give the path of a git repository")
    try:
        listing = Git(repo).text("worktree", "list", "--porcelain", "-z")
    except GitFailed as error:
        if "not a git repository" in str(error):
            found = f"not a git repository: {str(repo)!r}: give the path of one, or call from inside one"
            raise NoRepository(found) from error
        raise GitFailed(f"{error} (git 2.36 or newer is needed)") from error
    return [_facts(entry.split("\0")) for entry in listing.split("\0\0") if entry]


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


def contents(facts: WorktreeFacts) -> WorktreeContents:
    """What the worktree holds that is nowhere else; raises when git cannot say."""
    git = Git(Path(facts.path))
    changes = changed_paths(git)
    return WorktreeContents(
        changes=len(changes),
        first_change=changes[0] if changes else "",
        operation=operation(git),
        own_commits=own_commits(git, facts.branch),
    )


def changed_paths(git: Git) -> list[str]:
    """Paths that differ from HEAD or are unknown to git, whatever the repository's settings say; ignored ones not."""
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=normal", "--ignore-submodules=none")
    entries = git.text("status", *options).split("\0")
    return [entry[3:] for entry in entries if entry]


def operation(git: Git) -> str | None:
    """The merge, rebase, … that stands unfinished here."""
    folder = _git_folder(git)
    return next((name for mark, name in _OPERATIONS.items() if (folder / mark).exists()), None)


def _git_folder(git: Git) -> Path:
    """Where git keeps this worktree's own state; read from the file it left there, which saves a process."""
    try:
        text = (git.folder / ".git").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # the main worktree's is a folder
        return Path(os.fsdecode(git.run("rev-parse", "--absolute-git-dir").removesuffix(b"\n")))
    return git.folder / text.removeprefix("gitdir: ").removesuffix("\n")


def own_commits(git: Git, branch: str | None) -> int:
    """How many commits of HEAD no ref but its own branch holds."""
    but_its_own = [] if branch is None else [f"--exclude={_BRANCH}{branch}"]
    return int(git.text("rev-list", "--count", "HEAD", "--not", *but_its_own, "--glob=refs/*"))
