"""Checks out an agent's branch in a worktree, with submodules, and can undo it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from fleetscripts.adapters.git.changes import changes
from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.adapters.git.ignored import colliding
from fleetscripts.adapters.git.rescue import rescue
from fleetscripts.adapters.git.restore import empty_out, leave_submodules, pin_submodules
from fleetscripts.adapters.git.worktrees import stuck
from fleetscripts.errors import FleetError
from fleetscripts.services.worktrees.start_points import StartPoint


class NotCheckedOut(FleetError):
    """A worktree could not be put on the branch; another one may be tried."""


def check_out(folder: Path, branch: str, start: StartPoint) -> str:
    """Put the worktree on the branch, creating a new one, and its submodules on their pins.

    Returns messages for the caller: ignored files that the branch also has are first kept under a ref."""
    words = [branch] if start.existing else ["--no-track", "-b", branch, start.commit]
    said = _moved(folder, branch, start.commit, words)
    if start.tracked:
        git = Git.in_worktree(str(folder))
        remote = start.tracked.removeprefix("refs/remotes/").removesuffix(f"/{branch}")
        git.run("config", f"branch.{branch}.remote", remote)
        git.run("config", f"branch.{branch}.merge", f"refs/heads/{branch}")
    return said


def check_out_commit(folder: Path, commit: str) -> str:
    """Put the worktree on a commit, on a branch or not; returns the same."""
    return _moved(folder, commit[:12], commit, ["--detach", commit])


def _moved(folder: Path, name: str, commit: str, words: Sequence[str]) -> str:
    git = Git.in_worktree(str(folder))
    found = changes(git)
    if found.paths:
        raise NotCheckedOut(f"{folder} has changes now: {found.paths[0]}")
    if why := stuck(git):
        raise NotCheckedOut(f"{folder}: {why}")
    said = []
    in_the_way = colliding(git, commit)
    if in_the_way:
        refs = rescue(git, git.branch(), _stamp(), in_the_way)
        said.append(f"{in_the_way[0]} of the worktree, which {name} has too, is kept under {', '.join(refs)}")
    leave_submodules(git, commit)
    force = ["--force"] if found.as_checked_out else []
    try:
        git.run("checkout", "-q", *force, *words, "--")
    except GitFailed as error:
        raise NotCheckedOut(str(error)) from error
    return "; ".join([*said, *pin_submodules(git)])


def put_back(folder: Path, spare_branch: str, branch: str, start: StartPoint) -> str:
    """Put the worktree back on its spare branch; returns the refs that keep its changes, empty for none. A branch
    created for it is deleted if nothing was committed on it."""
    git = Git.in_worktree(str(folder))
    spare = git.maybe("rev-parse", "--verify", "--quiet", f"refs/heads/{spare_branch}^{{commit}}") or start.commit
    found = changes(git)
    kept = _kept(git, spare, branch, colliding(git, spare))
    if git.branch() != spare_branch:
        leave_submodules(git, spare)
        git.run("checkout", "-q", *(["--force"] if found.as_checked_out else []), spare_branch, "--")
        pin_submodules(git)
        kept += _kept(git, spare, branch)  # what only the other branch's rules ignored
    ref = f"refs/heads/{branch}"
    if not start.existing and git.maybe("rev-parse", "--verify", "--quiet", ref) == start.commit:
        git.run("branch", "-q", "-D", "--", branch)
    elif not start.existing and not kept and git.says("show-ref", "--verify", "--quiet", ref):
        kept = [ref]
    return ", ".join(kept)


def _kept(git: Git, commit: str, branch: str, ignored: Sequence[str] = ()) -> list[str]:
    """The refs that keep what differs from HEAD here, and these ignored files; the worktree is then clean."""
    kept = rescue(git, branch, _stamp(), ignored) if ignored or changes(git).paths else []
    if kept:
        leave_submodules(git, commit)
        empty_out(git)
    return kept


def _stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
