"""What is typed in an input box, apart from what the client merely suggests there in dim text."""

from __future__ import annotations

from fleetscripts.core.screen import Box, Screen
from fleetscripts.core.sgr import DIM, REVERSE, Line

_MODES = "!#&"


def box_of(screen: Screen, top: int, bottom: int) -> Box:
    """The box between two of its edges, with its draft and its suggestion."""
    lines = [_unframed(line) for line in screen.lines[top + 1 : bottom]]
    return read_box(lines, top, bottom)


def read_box(lines: list[Line], top: int, bottom: int) -> Box:
    """A box of these lines; the first begins with the prompt's mark, the others are indented by two."""
    mark = lines[0].text[:1] if lines else ""
    typed, dim = [], []
    for line in lines:
        own, hint = _split(Line(line.text[2:], line.marks[2:]))
        typed.append(own)
        dim.append(hint)
    draft = "\n".join(typed).strip()
    if mark in _MODES and mark:
        draft = f"{mark} {draft}".strip()
    return Box(top, bottom, draft, "\n".join(dim).strip(), mark)


def _unframed(line: Line) -> Line:
    """A line without the sides of a rounded box."""
    if not line.text.startswith("│"):
        return line
    text = line.text.rstrip()
    end = len(text) - 1 if text.endswith("│") else len(text)
    return Line(text[2:end].rstrip(), line.marks[2:end])


def _split(line: Line) -> tuple[str, str]:
    """Typed text and suggested text of one line. The cursor's cell goes with what follows it."""
    if DIM not in line.marks and REVERSE not in line.marks:
        return line.text.replace("\xa0", " ").rstrip(), ""
    typed, dim = [], []
    for column, character in enumerate(line.text):
        mark = line.mark(column)
        if mark == REVERSE:
            mark = line.mark(column + 1) if column + 1 < len(line.text) else " "
        (dim if mark == DIM else typed).append(character)
    return "".join(typed).replace("\xa0", " ").rstrip(), "".join(dim).strip()
