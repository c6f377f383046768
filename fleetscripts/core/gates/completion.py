"""Checkpoints and the DONE line, read only from the agent's own messages."""

from __future__ import annotations

from collections.abc import Iterator

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

DONE_LINE = "ORCHESTRATOR:DONE"
_CHECKPOINT = pattern(r"CHECKPOINT:(\S(?:.{0,98}\S)?)")
REVIEW_MARK = "REVIEW"
_REVIEW = pattern(rf"ORCHESTRATOR:({REVIEW_MARK} (?:PASS|FAIL) [0-9a-f]{{12,64}})")
_FENCE = pattern(r" {0,3}(`{3,}|~{3,})(.*)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One step that an agent reported as finished; ``at`` in Unix seconds, 0 if the message has no time."""

    step: str
    at: float


@dataclass(frozen=True, slots=True)
class Message:
    """One text by the agent, from its transcript; ``key`` is the same for the parts of one message."""

    text: str
    at: float
    key: str = ""


def checkpoints(text: str) -> tuple[str, ...]:
    """Steps named by the lines ``CHECKPOINT:<step>`` of one agent message, in order, each once. A reviewer's verdict
    (``ORCHESTRATOR:REVIEW PASS <commit>``, or FAIL) is one too, without its first word."""
    found = (_CHECKPOINT.fullmatch(line) or _REVIEW.fullmatch(line) for line in _own_lines(text))
    return tuple(dict.fromkeys(match[1] for match in found if match))


def says_done(text: str) -> bool:
    """Whether one whole line of an agent's message is the DONE line."""
    return any(line == DONE_LINE for line in _own_lines(text))


def _own_lines(text: str) -> Iterator[str]:
    """Lines in the agent's own words: code fences are quotations. Trailing blanks do not count."""
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if not fence:
            if mark and not (mark[1][0] == "`" and "`" in mark[2]):
                fence = mark[1]
            else:
                yield line.rstrip()
        elif mark and mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
