"""Reads a dialog's rows, and which one is focused, from the plain lines of a screen.

A menu is the last one drawn: its focused row carries ``❯``, ``›`` or ``>``; the other rows start in the same column."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

QUESTION_LINES = 24
"""For a dialog with no rule above it, this many lines before the first row count as its question."""

_FOCUSED = pattern(r"(?P<lead>[ │|]*)(?P<mark>[❯›>]) +(?P<body>\S.*)")
_NUMBERED = pattern(r"(?P<number>\d{1,2})\. +(?P<text>\S.*)")
_CHECKBOX = pattern(r"\[[ xX✔✓]\] ")
_CHECKED = pattern(r"\[[xX✔✓]\] ")
_RULE = pattern(r"[ ]{0,2}[─▔━]{10,}.*")
_TABS = pattern(r"\s*←.*[☐☒✔].*→\s*")
_TAB = pattern(r"([☐☒]) (.*?)(?= {2,}[☐☒✔]| *→)")
_ROUNDED = pattern(r"[╭╰]─{8,}.*")
_PROMPT = pattern(r"(?:│ ?)?[❯›>!#&](?:[ \xa0].*)?")
_BOX = pattern(r"[ │|]*[❯›>](?:\xa0.*)?")
_NO_ROW = ("⎿", "●", "•", "╰", "╭", "├", "└")
_TICK = pattern(r"\s+[✔✓]\s.*|\s+[✔✓]$")


@dataclass(frozen=True, slots=True)
class DialogRow:
    """One row that can be chosen; ``number`` None if the screen shows none. ``key``: tmux's name of the key that
    chooses it at once; empty for Enter, once the row is focused."""

    text: str
    number: int | None = None
    focused: bool = False
    key: str = ""

    @property
    def label(self) -> str:
        """Its text without the checkbox before it."""
        return _CHECKBOX.sub("", self.text)

    @property
    def checked(self) -> bool | None:
        """Whether its checkbox is checked; None if it has none."""
        return bool(_CHECKED.match(self.text)) if _CHECKBOX.match(self.text) else None


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several questions, as named in the line above them."""

    name: str
    answered: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """A dialog's question and its rows. ``several``: more than one question, or more than one answer to it. ``tabs``:
    its questions, of which this is one or the review of the answers; empty if no line names them."""

    rows: tuple[DialogRow, ...]
    question: tuple[str, ...] = ()
    several: bool = False
    tabs: tuple[Tab, ...] = ()

    @property
    def focus(self) -> int:
        """The index of the focused row."""
        return next(index for index, row in enumerate(self.rows) if row.focused)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(row.text for row in self.rows)

    @property
    def by_keys(self) -> bool:
        """Whether the rows have keys of their own and cannot be focused."""
        return bool(self.rows[0].key)

    def same_rows(self, other: Menu) -> bool:
        """Whether both show the same question and rows, wherever the focus is."""
        return (self.texts, self.question, self.tabs) == (other.texts, other.question, other.tabs)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line split at the menu's column."""

    before: str
    body: str
    at: int


def find_menu(lines: Sequence[str]) -> Menu | None:
    """The menu at the bottom of a screen of plain lines; None if none can be read reliably."""
    plain = [line.rstrip().rstrip("│").rstrip() for line in lines]
    last = next((index for index in range(len(plain) - 1, -1, -1) if _FOCUSED.fullmatch(plain[index])), None)
    if last is None or _box_below(plain, last):
        return None
    focused = _FOCUSED.fullmatch(plain[last])
    assert focused is not None
    column = focused.start("body")
    numbered = _NUMBERED.fullmatch(focused["body"])
    found = _numbered(plain, last, column, int(numbered["number"])) if numbered else _unnumbered(plain, last, column)
    if len(found) < 2 or sum(row.focused for _, row in found) != 1:
        return None
    question = question_above(plain, found[0][0])
    rows = tuple(row for _, row in found)
    named = next((line for line in question if _TABS.fullmatch(line)), None)
    tabs = tuple(Tab(name, mark == "☒") for mark, name in _TAB.findall(named or ""))
    several = named is not None or any(row.checked is not None for row in rows)
    words = tuple(line.strip(" │") for line in question if line is not named and line.strip(" │╌─"))
    return Menu(rows, words, several, tabs)


def row_named(menu: Menu, wanted: str) -> int | None:
    """The index of the one row that says ``wanted``: whole text, else its beginning; None if none or several do."""
    want = normalised(wanted)
    if not want:
        return None
    texts = [normalised(row.label) for row in menu.rows]
    for matches in (
        [index for index, text in enumerate(texts) if text == want],
        [index for index, text in enumerate(texts) if text.startswith(want)],
    ):
        if matches:
            return matches[0] if len(matches) == 1 else None
    return None


def normalised(text: str) -> str:
    """A row's text for comparing: one space between words, no case, no trailing key hint."""
    words = " ".join(text.split()).replace("’", "'").casefold()
    return re.sub(r" \((?:esc|[a-z]|shift\+tab)\)$", "", words)


def _box_below(lines: Sequence[str], last: int) -> bool:
    """Whether an input box is further down, or contains the marked line: then that is no dialog's row."""
    below = lines[last + 1 :]
    rules = [at for at, line in enumerate(lines) if _RULE.fullmatch(line) or _ROUNDED.fullmatch(line)]
    boxes = [
        (top, bottom)
        for top, bottom in itertools.pairwise(rules)
        if bottom >= last and top + 1 < bottom and _PROMPT.fullmatch(lines[top + 1])
    ]
    return bool(boxes) or any(_BOX.fullmatch(line) for line in below)


def _numbered(lines: Sequence[str], last: int, column: int, number: int) -> list[tuple[int, DialogRow]]:
    above = _sequence(_cut(lines, range(last - 1, -1, -1), column), number - 1, -1)
    below = _sequence(_cut(lines, range(last + 1, len(lines)), column), number + 1, +1)
    focused = _NUMBERED.fullmatch(lines[last][column:])
    assert focused is not None
    rows = [*reversed(above), (last, DialogRow(_row_text(focused["text"]), number, True)), *below]
    if rows[0][1].number != 1:
        return []
    if any(_CHECKBOX.match(row.text) for _, row in rows):
        rows += _button(lines, rows, column)
    return sorted(rows, key=lambda entry: entry[0])


def _sequence(lines: Iterator[_Line], expected: int, step: int) -> list[tuple[int, DialogRow]]:
    """Rows numbered from ``expected``; lines between them are details, a shallower line ends the menu."""
    rows: list[tuple[int, DialogRow]] = []
    for line in lines:
        match = _NUMBERED.fullmatch(line.body) if not line.before.strip(" │|") else None
        if match and int(match["number"]) == expected >= 1:
            rows.append((line.at, DialogRow(_row_text(match["text"]), expected)))
            expected += step
        elif match or _ends_menu(line, upwards=step < 0):
            break
    return rows


def _ends_menu(line: _Line, upwards: bool) -> bool:
    """A line that starts left of the rows; above them, by the question, also one that starts in their column."""
    shallow = bool(line.before.strip(" │|")) and not _RULE.fullmatch(line.before + line.body)
    return shallow or (upwards and bool(line.body) and not line.body.startswith(" "))


def _button(lines: Sequence[str], rows: list[tuple[int, DialogRow]], column: int) -> list[tuple[int, DialogRow]]:
    """The unnumbered row (``Next``, ``Submit``) under the last checkbox, in the column of its text."""
    ends = max(at for at, _ in rows)
    begins = min(at for at, _ in rows)
    return [
        (at, DialogRow(lines[at].strip()))
        for at in range(begins, ends + 1)
        if lines[at].strip() in ("Next", "Submit") and len(lines[at]) - len(lines[at].lstrip()) > column
    ]


def _unnumbered(lines: Sequence[str], last: int, column: int) -> list[tuple[int, DialogRow]]:
    above = _block(_cut(lines, range(last - 1, -1, -1), column))
    below = _block(_cut(lines, range(last + 1, len(lines)), column))
    return [*reversed(above), (last, DialogRow(_row_text(lines[last][column:]), None, True)), *below]


def _block(lines: Iterator[_Line]) -> list[tuple[int, DialogRow]]:
    """Adjacent rows in the column; a deeper line is a detail, an empty or shallower one ends the menu."""
    rows: list[tuple[int, DialogRow]] = []
    for line in lines:
        if line.before.strip(" │|") or not line.body or line.body.startswith(_NO_ROW):
            break
        if not line.body.startswith(" "):
            rows.append((line.at, DialogRow(_row_text(line.body))))
    return rows


def _cut(lines: Sequence[str], order: range, column: int) -> Iterator[_Line]:
    for at in order:
        yield _Line(lines[at][:column], lines[at][column:], at)


def _row_text(text: str) -> str:
    """The row's text without the column of explanations in a wide menu."""
    return _TICK.sub("", re.split(r"\s{2,}", text.strip())[0]).strip()


def question_above(lines: Sequence[str], first_row: int) -> list[str]:
    """The lines of a dialog above its rows, from the rule that opens it."""
    start = max(0, first_row - QUESTION_LINES)
    for at in range(first_row - 1, start - 1, -1):
        if _RULE.fullmatch(lines[at]):
            return list(lines[at + 1 : first_row])
    return list(lines[start:first_row])
