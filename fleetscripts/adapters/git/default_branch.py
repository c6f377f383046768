"""The default branch of the repository that pull requests go to, without asking a remote."""

from __future__ import annotations

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import base_remote


def default_branch_here(git: Git) -> str | None:
    """The base remote's default branch as a ref of this repository; None if unknown."""
    remote = base_remote(git, None)
    if remote is None:
        return None
    pointed = git.maybe("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
    guesses = [pointed, *(f"refs/remotes/{remote}/{name}" for name in ("main", "master", "dev", "develop"))]
    return next((ref for ref in guesses if ref and git.says("show-ref", "--verify", "--quiet", ref)), None)
