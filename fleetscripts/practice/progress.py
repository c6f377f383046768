"""A conversation's position in its script, read from the conversation itself (a model has no memory), and the next
steps."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from fleetscripts.dataclass import dataclass
from fleetscripts.practice.budget import Budget
from fleetscripts.practice.script import (
    DEFAULT_WALL_SECONDS,
    FAILURES,
    NOTHING_LEFT,
    TEXTS,
    TOOL_FINISHED,
    Step,
    resumes,
    says,
    steps_in,
)


class PieceKind(StrEnum):
    USER = "user"
    AGENT = "agent"
    TOOL = "tool"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a conversation. ``text``: the message, or the id of the tool call for ``TOOL`` and ``RESULT``."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True)
class ScriptProgress:
    """The remaining steps of the script that ``key`` holds. ``after_tool``: the last piece was a tool's result."""

    script: tuple[Step, ...]
    remaining: tuple[Step, ...]
    key: str
    after_tool: bool


def tool_id(step: Step, unique: str) -> str:
    """An id for a step's tool call from which :func:`standing` identifies the step."""
    return f"toolu_s{step.index}_{unique}"


def _step_of(identity: str) -> int | None:
    prefix, _, rest = identity.partition("_s")
    number = rest.partition("_")[0]
    return int(number) if prefix in ("toolu", "call") and number.isdigit() else None


def _advanced(script: Sequence[Step], position: int, said: str) -> int:
    """The position after the agent said something: past the text step with that text, and past failures before it."""
    for index in range(position, len(script)):
        step = script[index]
        if step.name in TEXTS:
            return index + 1 if says(step).strip() == said.strip() else position
        if step.name not in FAILURES:
            return position
    return position


def standing(pieces: Sequence[Piece]) -> ScriptProgress:
    """The remaining steps of a conversation's last script."""
    script: tuple[Step, ...] = ()
    key = ""
    position = 0
    for piece in pieces:
        if piece.kind is PieceKind.USER:
            steps = steps_in(piece.text)
            if steps and not resumes(script, position, steps):
                script, key, position = tuple(steps), piece.text, 0
        elif piece.kind is PieceKind.AGENT:
            position = _advanced(script, position, piece.text)
        elif piece.kind is PieceKind.RESULT:
            index = _step_of(piece.text)
            if index is not None and index < len(script):
                position = max(position, index + 1)
    after_tool = bool(pieces) and pieces[-1].kind is PieceKind.RESULT
    return ScriptProgress(script, script[position:], key, after_tool)


def failing(found: ScriptProgress, budget: Budget, token: str, now: float) -> str | None:
    """The next failure that still applies to this token; None if the request is to be served."""
    for step in found.remaining:
        if step.name not in FAILURES:
            return None
        key = (found.key, step.index)
        if step.name == "ratelimit":
            fails = budget.build_once(key, token, now + step.number(DEFAULT_WALL_SECONDS))
        elif step.name in ("overloaded", "server"):
            fails = budget.fail_again(key, step.number(float("inf")))
        elif step.name == "context":
            fails = True
        else:
            fails = budget.fails_for(key, token)
        if fails:
            return step.name
    return None


def next_steps(found: ScriptProgress) -> list[Step]:
    """The steps of one answer: texts, up to and with the next tool call. Failures at the front are past.

    Before a failure there is an empty command, so that the client asks again and meets it."""
    steps: list[Step] = []
    for step in found.remaining:
        if step.name in FAILURES and not steps:
            continue
        if step.name in FAILURES:
            return [*steps, Step("bash", "true", step.index - 1)]
        steps.append(step)
        if step.name not in TEXTS:
            return steps
    return steps or [Step("say", TOOL_FINISHED if found.after_tool else NOTHING_LEFT, 0)]
