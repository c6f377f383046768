"""The branch an agent works on: where a new one starts, an existing one checked out, and all of it undone."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from fleetscripts.adapters.git.default_branch import only_remote
from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.rescue import rescue
from fleetscripts.adapters.git.restore import empty_out
from fleetscripts.adapters.git.worktrees import changed_paths
from fleetscripts.adapters.records.locks import hold
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refused, UsageProblem

FETCH_LOCK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class StartPoint:
    """Where a branch comes from. ``existing``: a branch that is checked out; else ``commit`` is where it begins.

    ``note``: what the caller should be told."""

    commit: str
    existing: bool = False
    tracked: str = ""
    note: str = ""


def checked_name(branch: str, folder: Path) -> str:
    """The branch name, if git takes it as one and it is no spare's."""
    if not branch or branch.startswith("-") or not Git(folder).says("check-ref-format", "--branch", branch):
        raise UsageProblem(f"expected a branch name that git takes, found {branch!r}")
    if not Git(folder).says("check-ref-format", f"refs/heads/{branch}"):
        raise UsageProblem(f"expected a branch name, found {branch!r}")
    if branch.startswith("spare/") or branch == "HEAD":
        raise UsageProblem(f"expected a branch for the work, found {branch!r}: spare branches mark free worktrees")
    return branch


def start_point(folder: Path, branch: str, base: str, settings: Settings) -> StartPoint:
    """Find where the branch starts: itself where it exists (here or at origin), else ``base``, else origin's default.

    Fetches what it needs. Only a repository without a remote starts at the spare's own commit."""
    git = Git(folder)
    remote = only_remote(git)
    head, there = (None, False) if remote is None else _fetched(git, remote, branch, settings)
    if git.says("show-ref", "--verify", "--quiet", f"refs/heads/{branch}"):
        _free(git, branch)
        ignored = f"{branch} exists already: --base {base} was not used" if base else ""
        return StartPoint(_commit(git, f"refs/heads/{branch}"), existing=True, note=ignored)
    if there:
        tracked = f"refs/remotes/{remote}/{branch}"
        return StartPoint(_commit(git, tracked), tracked=tracked)
    if base:
        return StartPoint(_commit(git, base))
    if head is not None:
        return StartPoint(_commit(git, f"refs/remotes/{remote}/{head}"))
    if remote is not None:
        raise FleetError(f"{remote} does not say which branch is its default: give --base")
    return StartPoint(_commit(git, "HEAD"), note="no remote: the branch starts at the spare's own commit")


def check_out(folder: Path, branch: str, start: StartPoint) -> None:
    """Put the worktree on the branch, making it where it is new."""
    git = Git(folder)
    if start.existing:
        git.run("checkout", "-q", branch, "--")
    elif start.tracked:
        git.run("checkout", "-q", "--track", "-b", branch, start.tracked.removeprefix("refs/remotes/"), "--")
    else:
        git.run("checkout", "-q", "--no-track", "-b", branch, start.commit, "--")


def _fetched(git: Git, remote: str, branch: str, settings: Settings) -> tuple[str | None, bool]:
    """The remote's default branch and whether it has ``branch``; both fetched. One fetch at a time in a repository."""
    common = os.path.realpath(git.folder / git.text("rev-parse", "--git-common-dir"))
    name = f"fetch-{hashlib.sha256(os.fsencode(common)).hexdigest()[:16]}.lock"
    with hold(settings.locks / name, FETCH_LOCK_SECONDS):
        listing = git.remote("ls-remote", "--symref", remote, "HEAD", f"refs/heads/{branch}").splitlines()
        head = next((line.split()[1].removeprefix("refs/heads/") for line in listing if line.startswith("ref: ")), None)
        there = any(line.endswith(f"\trefs/heads/{branch}") for line in listing)
        wanted = dict.fromkeys(name for name in (head, branch if there else None) if name)
        if wanted:
            refs = [f"+refs/heads/{name}:refs/remotes/{remote}/{name}" for name in wanted]
            git.remote("fetch", "-q", "--no-tags", remote, *refs)
        if head is not None:
            git.run("symbolic-ref", f"refs/remotes/{remote}/HEAD", f"refs/remotes/{remote}/{head}")
    return head, there


def _commit(git: Git, ref: str) -> str:
    commit = git.maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not commit:
        raise UsageProblem(f"expected a commit, branch or tag, found {ref!r}")
    return commit.splitlines()[-1]


def _free(git: Git, branch: str) -> None:
    """Refuse a branch that another worktree has."""
    for entry in git.text("worktree", "list", "--porcelain").split("\n\n"):
        if f"branch refs/heads/{branch}" in entry.splitlines():
            place = entry.splitlines()[0].removeprefix("worktree ")
            raise Refused(f"the branch {branch} is checked out in {place}")


def put_back(folder: Path, spare_branch: str, branch: str, start: StartPoint) -> str:
    """Put the worktree back on its spare branch; returns the ref that keeps what was done in it, empty for nothing.

    A branch that was made for it goes when nothing was committed on it."""
    git = Git(folder)
    kept = rescue(git, branch, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())) if changed_paths(git) else None
    if kept is not None:
        empty_out(git)
    if git.maybe("symbolic-ref", "--quiet", "--short", "HEAD") != spare_branch:
        git.run("checkout", "-q", spare_branch, "--")
    ref = f"refs/heads/{branch}"
    if not start.existing and git.maybe("rev-parse", "--verify", "--quiet", ref) == start.commit:
        git.run("branch", "-q", "-D", "--", branch)
    elif not start.existing and git.says("show-ref", "--verify", "--quiet", ref):
        kept = kept or ref
    return kept or ""
