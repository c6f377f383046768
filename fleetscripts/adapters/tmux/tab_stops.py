"""Expands TABs as a pane shows them: tmux before 3.6 reports blanks for a TAB, later ones the TAB."""

from __future__ import annotations

import unicodedata

from fleetscripts.pattern import pattern

TAB_COLUMNS = 8
"""Between two tab stops, a terminal's default."""

_PIECES = pattern(r"(\x1b\[[0-9;:]*m|\t)")


def without_tabs(line: str) -> str:
    """The line with each TAB expanded to the next stop; colours have no width."""
    if "\t" not in line:
        return line
    shown, column = [], 0
    for piece in _PIECES.split(line):
        if piece == "\t":
            blanks = TAB_COLUMNS - column % TAB_COLUMNS
            shown.append(" " * blanks)
            column += blanks
        else:
            shown.append(piece)
            column += 0 if piece.startswith("\x1b") else sum(map(_columns, piece))
    return "".join(shown)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
