"""Which repository a worktree belongs to, read from its files before git reads any: an agent can rewrite ``.git``."""

from __future__ import annotations

import os
from pathlib import Path

from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.errors import Refusal
from fleetscripts.models import Repository

_LONGEST_POINTER_BYTES = 8192
_PUT_BACK = "put the worktree's own .git file back (git worktree repair, from the main worktree)"


class WrongRepository(Refusal):
    """A worktree's ``.git`` points to a repository other than its own."""


def repository_at(worktree: Path) -> Repository:
    """Git folder and common folder of this worktree; raises WrongRepository unless they point to each other."""
    dot_git = worktree / ".git"
    if dot_git.is_symlink():
        raise WrongRepository(f"{dot_git} is a link: expected a file or a folder; {_PUT_BACK}")
    if dot_git.is_dir():
        place = os.path.realpath(dot_git)
        return Repository(git_dir=place, common_dir=place)
    git_dir = _pointed(dot_git, "gitdir: ")
    back = _pointed(git_dir / "gitdir")
    if str(back) != str(dot_git) and os.path.realpath(back) != os.path.realpath(dot_git):
        raise WrongRepository(f"{dot_git} points to {git_dir}, which is {back}'s: {_PUT_BACK}")
    common = _pointed(git_dir / "commondir")
    if git_dir.parent != common / "worktrees" or common.is_relative_to(os.path.realpath(worktree)):
        raise WrongRepository(f"{dot_git} points to {git_dir}, which is no worktree's of {common}: {_PUT_BACK}")
    return Repository(git_dir=str(git_dir), common_dir=str(common))


def require_same(worktree: Path, recorded: Repository) -> None:
    """Raise WrongRepository unless the worktree still belongs to the repository that was recorded."""
    if recorded.git_dir == recorded.common_dir and (worktree / ".git").is_file():  # a submodule: nothing points back
        git_dir = str(_pointed(worktree / ".git", "gitdir: "))
        found = Repository(git_dir, git_dir)
    else:
        found = repository_at(worktree)
    if (found.git_dir, found.common_dir) != (recorded.git_dir, recorded.common_dir):
        raise WrongRepository(
            f"{worktree}/.git points to {found.git_dir}, expected {recorded.git_dir} as recorded: {_PUT_BACK}"
        )


def _pointed(file: Path, prefix: str = "") -> Path:
    """The real path in one of git's pointer files."""
    try:
        text = os.fsdecode(read_regular(file, _LONGEST_POINTER_BYTES)).removesuffix("\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WrongRepository(f"cannot tell the repository of a worktree by {file}: {why}; {_PUT_BACK}") from error
    if not text.startswith(prefix) or "\0" in text:
        raise WrongRepository(f"{file} does not name a git folder; {_PUT_BACK}")
    place = os.path.normpath(file.parent / text.removeprefix(prefix))
    return Path(place) if file.name == "gitdir" else Path(os.path.realpath(place))
