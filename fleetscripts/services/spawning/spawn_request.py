"""The arguments of a spawn, validated before anything is touched; those of a reviewer, from the work to review."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.core.pr_testing.step import WHY_NOT, is_test_step
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal, UsageProblem
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState
from fleetscripts.pattern import pattern
from fleetscripts.services.verification.work import work_of

LONGEST_STEP = 100
_STEP = pattern(rf"\S(?:[^\x00-\x1f\x7f]{{0,{LONGEST_STEP - 2}}}\S)?")

BRANCHES = "review"
"""The folder of reviewers' branches."""


@dataclass(frozen=True, slots=True)
class ReviewOf:
    """The reviewed agent and commit; its ``objective`` and its ``diff`` are data."""

    author: str
    branch: str
    head: str
    objective: str
    diff: str


@dataclass(frozen=True, slots=True)
class Request:
    """The request. ``path`` and ``spare_branch``: this very spare; else the next one of ``repo``. ``agent`` empty:
    Claude Code, or another client if only that has budget."""

    session: str
    branch: str
    objective: str
    path: Path | None = None
    spare_branch: str = ""
    repo: Path = Path()
    pr_number: str = ""
    steps: tuple[str, ...] = ()
    base: str = ""
    image: str = ""
    agent: str = ""
    account: str = ""
    verify_command: str = ""
    task: str = ""
    """Name of its task file."""
    review: ReviewOf | None = None
    """The work to review, for a reviewer."""


def checked(request: Request, *, allow_test_step: bool = False) -> Request:
    """The request with its texts normalised; UsageProblem names what is invalid, Refusal says why not."""
    if not request.objective.strip():
        raise UsageProblem("expected an objective, found nothing: say what the agent is to do")
    if request.pr_number and not re.fullmatch(r"[0-9]{1,10}", request.pr_number):
        raise UsageProblem(f"expected a pull request's number, found {request.pr_number!r}")
    for step in request.steps:
        if not _STEP.fullmatch(step):
            raise UsageProblem(f"expected a step's name of at most {LONGEST_STEP} characters, found {step!r}")
        if is_test_step(step) and not allow_test_step:
            raise Refusal(WHY_NOT)
    if request.image and not Path(request.image).is_file():
        raise UsageProblem(f"expected an image file, found nothing at {request.image!r}")
    image = str(Path(request.image).absolute()) if request.image else ""
    return replace(request, image=image, objective=request.objective.strip(), steps=tuple(dict.fromkeys(request.steps)))


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
