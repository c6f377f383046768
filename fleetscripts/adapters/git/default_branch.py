"""The default branch of the repository that work is meant for, without asking a remote."""

from __future__ import annotations

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import base_remote


def default_branch_here(git: Git) -> str | None:
    """The base remote's default branch as a ref of this repository; None when it is not known."""
    remote = base_remote(git, None)
    if remote is None:
        return None
    pointed = git.maybe("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
    guesses = [pointed, *(f"refs/remotes/{remote}/{name}" for name in ("main", "master", "dev", "develop"))]
    return next((ref for ref in guesses if ref and git.says("show-ref", "--verify", "--quiet", ref)), None)
