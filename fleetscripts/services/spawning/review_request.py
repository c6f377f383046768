"""Requests a review of an agent's work: the reviewer's material and record."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState
from fleetscripts.services.spawning.spawn_request import Request, ReviewOf
from fleetscripts.services.verification.work import work_of

BRANCHES = "review"
"""The folder of reviewers' branches."""


def review_request(author: Agent, session: str) -> Request:
    """A reviewer in a spare worktree of its own, on a branch of its own at the author's commit.

    Not in the author's worktree: that keeps changing, and two clients there would share its hooks and its trust. A
    branch, not a detached HEAD: undoing, restoring and recycling then treat it like any agent's."""
    if author.state is AgentState.RECYCLED:
        raise Refusal(f"{author.called} was recycled: nothing of its work is left there")
    if author.task.reviews:
        raise Refusal(f"{author.called} is a reviewer itself")
    git = Git.in_worktree(author.worktree_path, author.repository)
    head = git.text("rev-parse", "--verify", "--end-of-options", f"refs/heads/{author.branch}^{{commit}}")
    if git.text("rev-parse", "--verify", "HEAD") != head:
        raise Refusal(f"{author.called}: its worktree is not on {author.branch}: let it finish first")
    work = work_of(author, None)
    if work.problem:
        raise FleetError(f"{author.called}: its work cannot be read: {work.problem}")
    if not work.diff:
        raise Refusal(f"{author.called}: {author.branch} changes nothing since {work.base}: there is nothing to review")
    cut = "\n[The rest is left out here: read it in the files.]" if work.cut else ""
    about = ReviewOf(author.key, author.branch, head, author.objective, f"{work.stat}\n\n{work.diff}{cut}")
    return Request(
        session,
        branch=f"{BRANCHES}/{head[:12]}-{author.key[:8]}",
        objective=sanitize(f"Review {author.branch} at {head[:12]}"),
        repo=Path(author.worktree_path),
        base=head,
        review=about,
    )
