"""Captured lines without their escape sequences, and which cells are dim, reversed or on a background of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_LINES = 300
MAX_COLUMNS = 500

PLAIN, DIM, REVERSE = " ", "d", "r"

# CSI and OSC sequences, charset choices, and any other control character.
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;:?<=>]{0,64}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[()][0-9A-B]|.)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u2028\u2029\ufeff]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a screen: its text and, cell by cell, ``d`` dim, ``r`` reversed or a blank. No marks: all plain."""

    text: str
    marks: str = ""

    def mark(self, column: int) -> str:
        """The mark of one cell."""
        return self.marks[column] if column < len(self.marks) else PLAIN


def read_lines(lines: Iterable[str]) -> tuple[Line, ...]:
    """The last 300 lines, each cut at 500 columns, without trailing blanks; colours run on from line to line."""
    state = PLAIN
    read: list[Line] = []
    for raw in list(lines)[-MAX_LINES:]:
        text = raw.rstrip("\r\n")[: MAX_COLUMNS * 8]
        if "\x1b" in text:
            line, state = _styled(text, state)
        else:
            text = _CONTROL.sub("", text.replace("\t", "    "))[:MAX_COLUMNS]
            line = Line(text.rstrip(" "), state * len(text) if state != PLAIN else "")
        read.append(line)
    return tuple(read)


def _styled(text: str, state: str) -> tuple[Line, str]:
    parts: list[str] = []
    marks: list[str] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        piece = _CONTROL.sub("", text[at : match.start()].replace("\t", "    "))
        parts.append(piece)
        marks.append(state * len(piece))
        at = match.end()
        if match[0].startswith("\x1b[") and match[0].endswith("m"):
            state = _after(match[0][2:-1], state)
    piece = _CONTROL.sub("", text[at:].replace("\t", "    "))
    whole = ("".join(parts) + piece)[:MAX_COLUMNS]
    marked = ("".join(marks) + state * len(piece))[:MAX_COLUMNS]
    kept = whole.rstrip(" ") if REVERSE not in marked else whole.rstrip(" ").ljust(marked.rfind(REVERSE) + 1)
    return Line(kept, marked if marked.strip() else ""), state


def _after(parameters: str, state: str) -> str:
    """The mark after one SGR sequence. Reverse outranks dim: it is the cursor's cell."""
    dim, reverse = state == DIM, state == REVERSE
    codes = parameters.replace(":", ";").split(";")
    skip = 0
    for index, code in enumerate(codes):
        if skip:
            skip -= 1
        elif code in ("38", "48", "58"):
            skip = 2 if codes[index + 1 : index + 2] == ["5"] else 4
        elif code in ("", "0"):
            dim = reverse = False
        elif code == "2":
            dim = True
        elif code == "22":
            dim = False
        elif code == "7":
            reverse = True
        elif code == "27":
            reverse = False
    return REVERSE if reverse else DIM if dim else PLAIN
