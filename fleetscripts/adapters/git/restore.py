"""Putting a worktree back on its spare branch. Each function may be called again after a crash half-way."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.adapters.git.remotes import default_branch, fetch, remote_of
from fleetscripts.adapters.git.worktrees import changed_paths, operation
from fleetscripts.errors import FleetError

_ABANDON = {
    "rebase": (("rebase", "--quit"), ("am", "--quit")),
    "cherry-pick": (("cherry-pick", "--quit"),),
    "revert": (("revert", "--quit"),),
    "bisect": (("bisect", "reset", "HEAD"),),
}


@dataclass(frozen=True, slots=True)
class Base:
    """The commit a spare branch is put on, and in words where that comes from."""

    commit: str
    origin: str


def base_of(git: Git, spare_branch: str) -> Base:
    """The default branch of the remote, fetched now, else as last fetched; without a remote where the branch was."""
    remote = remote_of(git, None)
    if remote is not None:
        try:
            name = default_branch(git, remote)
            if name is not None:
                return Base(fetch(git, remote, name), f"{remote}/{name}, fetched now")
        except FleetError as error:
            return _last_fetched(git, remote, str(error)) or _as_it_was(git, spare_branch, str(error))
    return _as_it_was(git, spare_branch, "no remote to fetch from")


def _last_fetched(git: Git, remote: str, why: str) -> Base | None:
    commit = git.maybe("rev-parse", "--verify", "--quiet", f"refs/remotes/{remote}/HEAD^{{commit}}")
    return None if commit is None else Base(commit, f"{remote}'s default branch as last fetched ({why})")


def _as_it_was(git: Git, spare_branch: str, why: str) -> Base:
    commit = git.maybe("rev-parse", "--verify", "--quiet", f"refs/heads/{spare_branch}^{{commit}}")
    if commit is not None:
        return Base(commit, f"where {spare_branch} was ({why})")
    return Base(git.text("rev-parse", "--verify", "HEAD"), f"the worktree's own HEAD ({why}, and no {spare_branch})")


def empty_out(git: Git) -> None:
    """Throw away every change and untracked file, ignored ones not, and whatever merge or rebase stands half done."""
    under_way = operation(git)
    git.run("reset", "--quiet", "--hard")
    for words in _ABANDON.get(under_way or "", ()):
        git.says(*words)
    git.run("clean", "--quiet", "-d", "--force")


def put_on(git: Git, spare_branch: str, base: Base) -> None:
    """Check the spare branch out at its base."""
    git.run("checkout", "--quiet", "--force", "--no-track", "-B", spare_branch, base.commit)


def require_clean(git: Git) -> None:
    """Raise when anything is left that would keep the worktree from being a spare."""
    left = changed_paths(git)
    half_done = operation(git)
    if left or half_done:
        what = f"a {half_done}" if half_done else f"{left[0]!r} ({len(left)} in all)"
        raise GitFailed(f"{git.folder} is not clean after recycling, {what} is left: clear it and recycle again")
