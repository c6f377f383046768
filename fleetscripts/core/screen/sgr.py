"""Captured lines without their escape sequences; on demand, which cells are dim or reversed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

MAX_LINES = 300
MAX_COLUMNS = 500

# Characters read of a captured line, escapes included: near the bottom, where box and dialog are, and above.
_RAW_BELOW, _RAW_ABOVE = 1_500, 250
_BELOW_LINES = 40

PLAIN, DIM, REVERSE = " ", "d", "r"

_SGR = pattern(r"\x1b\[[0-9;:]*m")
# Other CSI and OSC sequences, charset choices, and any other control character.
_ESCAPE = pattern(r"\x1b(?:\[[0-9;:?<=>]{0,64}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[()][0-9A-B]|.)?")
_MOST_OTHER = 4
_CONTROL = pattern(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u2028\u2029\ufeff]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a screen: its text, and as captured if that has escapes."""

    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class StyledLine:
    """One line, cell by cell: ``d`` dim, ``r`` reversed or a blank."""

    text: str
    marks: str

    def mark(self, column: int) -> str:
        return self.marks[column] if column < len(self.marks) else PLAIN


REMEMBERED_LINES = 16384
"""Most lines of a screen are unchanged since the last look: 200 panes show about 9,000."""


def read_lines(lines: Iterable[str]) -> tuple[Line, ...]:
    """The last 300 lines, each cut at 500 columns, without escapes, control characters and trailing blanks."""
    kept = list(lines)[-MAX_LINES:]
    below = len(kept) - _BELOW_LINES
    return tuple(_line(text[: _RAW_BELOW if at >= below else _RAW_ABOVE]) for at, text in enumerate(kept))


def forget_lines() -> None:
    """Empty the cache, as at the start of a process."""
    _line.cache_clear()


@lru_cache(maxsize=REMEMBERED_LINES)
def _line(raw: str) -> Line:
    escapes = "\x1b" in raw
    return Line(_bare(raw)[:MAX_COLUMNS].rstrip(" "), raw if escapes else "")


def _bare(raw: str) -> str:
    text = raw
    if "\x1b" in text:
        text = _SGR.sub("", text) if "m" in text else text
        if "\x1b" in text:
            text = _ESCAPE.sub("", text, count=_MOST_OTHER).replace("\x1b", "")
    if not text.isprintable():
        text = _CONTROL.sub("", text.replace("\t", "    "))
    return text


def styled(lines: Sequence[Line], before: Line) -> list[StyledLine]:
    """The lines with their marks. Colours continue from line to line: ``before`` is the one above them."""
    _, state = _marked(before.raw, PLAIN)
    marked: list[StyledLine] = []
    for line in lines:
        if line.raw:
            cells, state = _marked(line.raw, state)
            marked.append(cells)
        else:
            marked.append(StyledLine(line.text, state * len(line.text)))
    return marked


def _marked(raw: str, state: str) -> tuple[StyledLine, str]:
    texts: list[str] = []
    marks: list[str] = []
    at = 0
    for match in _SGR.finditer(raw):
        piece = _bare(raw[at : match.start()])
        texts.append(piece)
        marks.append(state * len(piece))
        state = _after(match[0][2:-1], state)
        at = match.end()
    piece = _bare(raw[at:])
    text = ("".join(texts) + piece)[:MAX_COLUMNS].rstrip(" ")
    return StyledLine(text, ("".join(marks) + state * len(piece))[:MAX_COLUMNS]), state


def quotes_by_colour(lines: Sequence[Line], before: Line) -> bool:
    """Whether the last line begins in a colour of its own, as code in a message does."""
    _, coloured = _colour(before.raw, False)
    begins = False
    for line in lines:
        begins, coloured = _colour(line.raw, coloured) if line.raw else (coloured, coloured)
    return begins


def _colour(raw: str, coloured: bool) -> tuple[bool, bool]:
    """Whether the first visible character has a foreground colour, and whether one is set at the end of the line."""
    begins: bool | None = None
    at = 0
    for match in _SGR.finditer(raw):
        if begins is None and raw[at : match.start()].strip():
            begins = coloured
        coloured = _coloured_after(match[0][2:-1], coloured)
        at = match.end()
    return coloured if begins is None else begins, coloured


def _coloured_after(parameters: str, coloured: bool) -> bool:
    codes = parameters.replace(":", ";").split(";")
    skip = 0
    for index, code in enumerate(codes):
        if skip:
            skip -= 1
            continue
        if code in ("38", "48", "58"):
            skip = 2 if codes[index + 1 : index + 2] == ["5"] else 4
        if code == "38" or (len(code) == 2 and code[0] in "39" and code[1] in "01234567"):
            coloured = True
        elif code in ("", "0", "39"):
            coloured = False
    return coloured


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
