"""Where an agent's branch starts: the existing branch, a given base, or the remote's default branch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import base_remote, default_branch, fetch, push_remote, remote_head
from fleetscripts.adapters.records.locks import hold
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal, UsageProblem

FETCH_LOCK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class StartPoint:
    """A branch's origin. ``existing``: a branch to check out; else ``commit`` is where it begins. ``note``: a message
    for the caller."""

    commit: str
    existing: bool = False
    tracked: str = ""
    note: str = ""


def checked_name(branch: str, folder: Path) -> str:
    """The branch name, if it is valid for git and not a spare's."""
    if not branch or branch.startswith("-") or not Git(folder).says("check-ref-format", "--branch", branch):
        raise UsageProblem(f"expected a branch name that git takes, found {branch!r}")
    if not Git(folder).says("check-ref-format", f"refs/heads/{branch}"):
        raise UsageProblem(f"expected a branch name, found {branch!r}")
    if branch.startswith("spare/") or branch == "HEAD":
        raise UsageProblem(f"expected a branch for the work, found {branch!r}: spare branches mark free worktrees")
    return branch


def start_point(folder: Path, branch: str, base: str, settings: Settings) -> StartPoint:
    """Find where the branch starts: itself if it exists (here or at a remote), else ``base``, else the default branch
    of the remote for pull requests. Fetches what it needs.

    A branch here that only lacks its remote's commits is fast-forwarded. Only a repository without a remote starts at
    the spare's own commit."""
    git = Git.in_worktree(str(folder))
    known = _fetched(git, branch, base, settings)
    if git.says("show-ref", "--verify", "--quiet", f"refs/heads/{branch}"):
        _free(git, branch)
        ignored = f"{branch} exists already: --base {base} was not used" if base else ""
        return _brought_forward(git, branch, known, ignored)
    if other := _name_taken(git, branch):
        raise Refusal(f"{branch} cannot be made beside the branch {other}: delete or rename one of them")
    if known.tracked:
        return StartPoint(_commit(git, known.tracked), tracked=known.tracked)
    if base:
        return StartPoint(_commit(git, base), note=known.problem)
    if known.default:
        return StartPoint(_commit(git, known.default))
    if known.problem:
        raise FleetError(f"{known.problem}: give --base")
    return StartPoint(_commit(git, "HEAD"), note="no remote: the branch starts at the spare's own commit")


def _name_taken(git: Git, branch: str) -> str:
    """A branch for which this name is a folder, or vice versa; git cannot have both."""
    above = ["/".join(branch.split("/")[:number]) for number in range(1, branch.count("/") + 1)]
    here = [name for name in above if git.says("show-ref", "--verify", "--quiet", f"refs/heads/{name}")]
    below = git.text("for-each-ref", "--count=1", "--format=%(refname:lstrip=2)", f"refs/heads/{branch}/")
    return here[0] if here else below


def _brought_forward(git: Git, branch: str, known: FetchedRefs, note: str) -> StartPoint:
    """The local branch, fast-forwarded to its remote; reported, also if the two have diverged."""
    ref = f"refs/heads/{branch}"
    here = _commit(git, ref)
    there = _commit(git, known.tracked) if known.tracked else here
    notes = [note] if note else []
    if here != there and git.says("merge-base", "--is-ancestor", here, there):
        git.run("update-ref", ref, there, here)
        notes.append(f"{branch} was behind {_short(known.tracked)}: it was brought forward to {there[:12]}")
        here = there
    elif here != there and not git.says("merge-base", "--is-ancestor", there, here):
        notes.append(f"{branch} and {_short(known.tracked)} have gone apart: it starts at {here[:12]}, as it is here")
    return StartPoint(here, existing=True, note="; ".join(notes))


@dataclass(frozen=True, slots=True)
class FetchedRefs:
    """Refs as they are at the remotes now: ``tracked`` the branch's, ``default`` the default branch's; empty if there
    is none. ``problem``: why no default branch is known."""

    tracked: str = ""
    default: str = ""
    problem: str = ""


def _fetched(git: Git, branch: str, base: str, settings: Settings) -> FetchedRefs:
    """The branch (from its push remote, else from the one for pull requests) and the default branch, fetched; one fetch
    at a time per repository."""
    meant = base_remote(git, None)
    pushed = push_remote(git, branch) or meant
    remotes = list(dict.fromkeys(name for name in (pushed, meant) if name))
    if not remotes:
        named = git.text("remote").split()
        _fetch_base(git, named, base)
        return FetchedRefs(problem=f"none of the remotes {', '.join(named)} is origin or upstream" if named else "")
    common = git.repository.common_dir if git.repository else str(git.git_dir)
    name = f"fetch-{hashlib.sha256(os.fsencode(common)).hexdigest()[:16]}.lock"
    with hold(settings.locks / name, FETCH_LOCK_SECONDS):
        _fetch_base(git, git.text("remote").split(), base)
        heads = {remote: remote_head(git, remote, branch) for remote in remotes}
        holder = next((remote for remote in remotes if heads[remote]), None)
        if holder is not None:
            fetch(git, holder, branch)
        default = default_branch(git, meant) if meant else None
        if meant and default:
            fetch(git, meant, default)
            git.run("symbolic-ref", f"refs/remotes/{meant}/HEAD", f"refs/remotes/{meant}/{default}")
    return FetchedRefs(
        tracked=f"refs/remotes/{holder}/{branch}" if holder else "",
        default=f"refs/remotes/{meant}/{default}" if default else "",
        problem="" if default else f"{meant} does not say which branch is its default",
    )


def _fetch_base(git: Git, remotes: list[str], base: str) -> None:
    """``REMOTE/BRANCH`` as it is there now, if the base is one."""
    remote, _, branch = base.removeprefix("refs/remotes/").partition("/")
    if branch and remote in remotes and remote_head(git, remote, branch):
        fetch(git, remote, branch)


def _short(tracking: str) -> str:
    return tracking.removeprefix("refs/remotes/")


def _commit(git: Git, ref: str) -> str:
    commit = git.maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not commit:
        raise UsageProblem(f"expected a commit, branch or tag, found {ref!r}")
    return commit.splitlines()[-1]


def _free(git: Git, branch: str) -> None:
    """Refuse a branch that is checked out in another worktree."""
    for entry in git.text("worktree", "list", "--porcelain").split("\n\n"):
        if f"branch refs/heads/{branch}" in entry.splitlines():
            place = entry.splitlines()[0].removeprefix("worktree ")
            raise Refusal(f"the branch {branch} is checked out in {place}")
