"""The arguments of a spawn, validated before anything is touched."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from fleetscripts.core.pr_testing.step import WHY_NOT, is_test_step
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal, UsageProblem
from fleetscripts.pattern import pattern

LONGEST_STEP = 100
_STEP = pattern(rf"\S(?:[^\x00-\x1f\x7f]{{0,{LONGEST_STEP - 2}}}\S)?")


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
