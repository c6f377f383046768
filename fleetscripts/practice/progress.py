"""A conversation's position in its script, read from the conversation itself: a model has no memory."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from fleetscripts.dataclass import dataclass
from fleetscripts.practice.script import FAILURES, TEXTS, Step, resumes, says, steps_in


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
