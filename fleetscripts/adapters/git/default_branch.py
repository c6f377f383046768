"""The default branch of a repository, without asking the remote."""

from __future__ import annotations

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import has_remotes, remote_of
from fleetscripts.errors import FleetError


def default_branch_here(git: Git) -> str | None:
    """Origin's default branch as a ref of this repository, without asking the network; None when it is not known."""
    remote = only_remote(git)
    if remote is None:
        return None
    pointed = git.maybe("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
    guesses = [pointed, *(f"refs/remotes/{remote}/{name}" for name in ("main", "master", "dev", "develop"))]
    return next((ref for ref in guesses if ref and git.says("show-ref", "--verify", "--quiet", ref)), None)


def only_remote(git: Git) -> str | None:
    """``origin``, or the only remote there is; None when there is none."""
    remote = remote_of(git, None)
    if remote is None and has_remotes(git):
        raise FleetError(f"expected a remote called origin, found {', '.join(git.text('remote').split())}")
    return remote
