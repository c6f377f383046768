"""The text typed in an input box, without what the client suggests there in dim text."""

from __future__ import annotations

from fleetscripts.core.screen.screen import Box, Screen
from fleetscripts.core.screen.sgr import DIM, REVERSE, Line, StyledLine, styled

_MODES = "!#&"
# The rest of a longer draft is not read: that there is one matters, and roughly what it says.
_MAX_LINES = 60


def read_box(screen: Screen, first: int, end: int, *, top: int, bottom: int) -> Box:
    """The box with the lines from ``first`` to before ``end``. The first line begins with the prompt's mark, the others
    are indented by two; a rounded box frames them."""
    above = screen.lines[first - 1] if first else Line("")
    lines = [_unframed(line) for line in styled(screen.lines[first : min(end, first + _MAX_LINES)], above)]
    mark = lines[0].text[:1] if lines else ""
    parts = [_split(StyledLine(line.text[2:], line.marks[2:])) for line in lines]
    draft = "\n".join(typed for typed, _ in parts).strip()
    if mark and mark in _MODES:
        draft = f"{mark} {draft}".strip()
    return Box(top, bottom, draft, "\n".join(dim for _, dim in parts).strip(), mark)


def _unframed(line: StyledLine) -> StyledLine:
    """A line without the sides of a rounded box."""
    if not line.text.startswith("│"):
        return line
    text = line.text.rstrip()
    end = len(text) - 1 if text.endswith("│") else len(text)
    return StyledLine(text[2:end].rstrip(), line.marks[2:end])


def _split(line: StyledLine) -> tuple[str, str]:
    """Typed text and suggested text of one line. The cursor's cell goes with what follows it."""
    if DIM not in line.marks:
        return line.text.replace("\xa0", " ").rstrip(), ""
    typed: list[str] = []
    dim: list[str] = []
    for column, character in enumerate(line.text):
        mark = line.mark(column)
        if mark == REVERSE:
            mark = line.mark(column + 1) if column + 1 < len(line.text) else " "
        (dim if mark == DIM else typed).append(character)
    return "".join(typed).replace("\xa0", " ").rstrip(), "".join(dim).strip()
