"""Restores a conversation from its transcript: what to redraw, and its position in its script."""

from __future__ import annotations

from fleetscripts.practice.progress import Piece, PieceKind, standing
from fleetscripts.practice.script import Step
from fleetscripts.practice.transcript import records_of


class ResumePoint:
    """A resumed session's start. ``failed``: step → the token it failed for and until when."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []
        self.script: list[Step] = []
        self.position = 0
        self.failed: dict[int, tuple[str, float]] = {}
        self.leaf: str | None = None


def recall(path: str) -> ResumePoint:
    """Reads the branch of the conversation with its last record."""
    recalled = ResumePoint()
    pieces: list[Piece] = []
    failures: list[tuple[int, str, float]] = []
    for record in _branch(records_of(path)):
        recalled.leaf = str(record["uuid"])
        message = record.get("message")
        if isinstance(message, dict):
            _hear(record, message, recalled, pieces)
        if record.get("practiceToken") is not None:
            until = record.get("practiceUntil")
            failures.append((len(pieces), str(record["practiceToken"]), float(until) if until else float("inf")))  # type: ignore[arg-type]
    found = standing(pieces)
    recalled.script = list(found.script)
    recalled.position = len(found.script) - len(found.remaining)
    for count, token, until in failures:
        then = standing(pieces[:count])
        if then.key == found.key and then.remaining:
            recalled.failed[then.remaining[0].index] = (token, until)
    return recalled


def _branch(records: list[dict[str, object]]) -> list[dict[str, object]]:
    by_id = {record["uuid"]: record for record in records if "uuid" in record}
    chain: list[dict[str, object]] = []
    current = next(reversed(by_id.values()), None)
    while current is not None:
        chain.append(current)
        current = by_id.get(current.get("parentUuid"))
    return chain[::-1]


def _hear(record: dict[str, object], message: dict[str, object], recalled: ResumePoint, pieces: list[Piece]) -> None:
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    user = record["type"] == "user"
    for block in blocks if isinstance(blocks, list) else []:
        if block["type"] == "tool_use":
            pieces.append(Piece(PieceKind.TOOL, block["id"]))
            recalled.entries.append(("tool", "Ran 1 shell command"))
        elif block["type"] == "tool_result":
            pieces.append(Piece(PieceKind.RESULT, block["tool_use_id"]))
        elif record.get("isApiErrorMessage"):
            recalled.entries.append(("result", block["text"]))
        else:
            pieces.append(Piece(PieceKind.USER if user else PieceKind.AGENT, block["text"]))
            recalled.entries.append(("user" if user else "agent", block["text"]))
