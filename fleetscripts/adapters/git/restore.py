"""Puts a worktree on a branch, submodules included. Each function can be repeated after a crash."""

from __future__ import annotations

import shutil
from pathlib import Path

from fleetscripts.adapters.git.changes import Changes, changes
from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.adapters.git.index_listing import listing, uncover
from fleetscripts.adapters.git.remotes import base_remote, fetch_default
from fleetscripts.adapters.git.special_files import remove_special
from fleetscripts.adapters.git.submodules import bring_to_pin, submodules
from fleetscripts.adapters.git.worktrees import operation
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

_ABANDON = {
    "rebase": (("rebase", "--quit"), ("am", "--quit")),
    "cherry-pick": (("cherry-pick", "--quit"),),
    "revert": (("revert", "--quit"),),
    "bisect": (("bisect", "reset", "HEAD"),),
}


@dataclass(frozen=True, slots=True)
class Base:
    """The commit that a spare branch is put on, and its source in words."""

    commit: str
    origin: str


def base_of(git: Git, spare_branch: str) -> Base:
    """The default branch of the remote that pull requests go to, fetched now, else as last fetched; without a remote
    the branch's present commit, or HEAD if it does not exist yet."""
    url = git.repository.base_url if git.repository is not None else ""
    remote = base_remote(git, None) or ("origin" if url else None)
    if remote is None:
        return _as_it_was(git, spare_branch, "no remote to fetch from")
    why = "its HEAD, asked now, names no branch"
    try:
        found = fetch_default(git, remote, url)
        if found is not None:
            return Base(found.commit, f"{found.ref.removeprefix('refs/remotes/')}, fetched now")
    except FleetError as error:
        why = str(error)
    return _last_fetched(git, remote, why) or _as_it_was(git, spare_branch, why)


def _last_fetched(git: Git, remote: str, why: str) -> Base | None:
    commit = git.maybe("rev-parse", "--verify", "--quiet", f"refs/remotes/{remote}/HEAD^{{commit}}")
    return None if commit is None else Base(commit, f"{remote}'s default branch as last fetched ({why})")


def _as_it_was(git: Git, spare_branch: str, why: str) -> Base:
    commit = git.maybe("rev-parse", "--verify", "--quiet", f"refs/heads/{spare_branch}^{{commit}}")
    if commit is not None:
        return Base(commit, f"where {spare_branch} was ({why})")
    missing = f", and no {spare_branch}" if spare_branch else ""
    return Base(git.text("rev-parse", "--verify", "HEAD"), f"the worktree's own HEAD ({why}{missing})")


def empty_out(git: Git) -> None:
    """Discard every change and untracked file, but not ignored ones, and any merge or rebase in progress."""
    under_way = operation(git)
    known = listing(git)
    uncover(git, known)
    git.run("reset", "--quiet", "--hard")
    for words in _ABANDON.get(under_way or "", ()):
        git.says(*words)
    git.run("clean", "--quiet", "-d", "--force")
    remove_special(git.folder)
    if git.setting("core.sparseCheckout") == "true":  # what was written outside of it is saved and goes
        git.run("sparse-checkout", "reapply")
    for module in submodules(git, known.links):
        if module.git is not None:
            empty_out(module.git)


def put_on(git: Git, spare_branch: str, base: Base) -> list[str]:
    """Check the spare branch out at its base; returns which submodules could not follow."""
    leave_submodules(git, base.commit)
    git.run("checkout", "--quiet", "--force", "--no-track", "-B", spare_branch, base.commit)
    return pin_submodules(git)


def leave_submodules(git: Git, commit: str) -> None:
    """Empty the folders of submodules that this commit does not have: git leaves them as untracked files. Their
    repositories stay, with anything rescued there."""
    links = listing(git).links
    kept = set(git.text("ls-tree", "-r", "-z", "--name-only", commit).split("\0")) if links else set()
    for module in submodules(git, links):
        if module.git is not None and module.path not in kept:
            _clear(module.git.folder)


def pin_submodules(git: Git) -> list[str]:
    """Bring every checked-out submodule to the commit that HEAD pins; one that cannot follow is deinitialised, and
    reported."""
    said = []
    for module in submodules(git, listing(git).links):
        if module.git is None:
            continue
        if problem := bring_to_pin(module):
            _clear(module.git.folder)
            said.append(f"{problem}; it is not checked out now (git submodule update --init)")
        else:
            said += [f"{module.path}/{more}" for more in pin_submodules(module.git)]
    return said


def _clear(folder: Path) -> None:
    for place in folder.iterdir():
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()


def require_clean(git: Git) -> Changes:
    """Raise if anything is left that would keep the worktree from being a spare. Files modified by the checkout itself
    do not count."""
    left = changes(git)
    half_done = operation(git)
    if left.paths or half_done:
        what = f"a {half_done}" if half_done else f"{left.paths[0]!r} ({len(left.paths)} in all)"
        raise GitFailed(f"{git.folder} is not clean after recycling, {what} is left: clear it and recycle again")
    return left
