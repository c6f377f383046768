"""A screen as regions: input box, footer, spinner, last message or dialog.

The structure of a client's screen is found by its kind (``ClientScreens``), a shell's by ``shell_layout``; what the
regions say is looked up in the rules. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

from fleetscripts.core.screen.sgr import Line, quotes_by_colour, read_lines
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

REGIONS: Mapping[str, str] = {
    "footer": "the lines below the live input box",
    "mode_line": "the last of these that is the client's own, not the user's status line",
    "above_box": "the spinner or status line above the live input box, with its tips; else a line alone there",
    "notice": "a line set to the right, directly above the live input box",
    "last_message": "the newest message of the conversation, once the box is live",
    "last_line": "the last line of the agent's own newest message, where it is a line of its own",
    "dialog": "what is shown in place of an input box, from its opening line",
    "menu": "the same, if the user's own /command or its upper edge shows that it is a menu",
    "editor": "what names the file of an editor that was opened over the client",
    "bottom": "the last line of the screen",
    "left_edge": "the last lines that begin at the left edge, where a shell writes over a dead client's screen",
    "title": "the title that the client gave the pane",
    "suggestion": "text in the input box that the client itself put there (no state)",
    "in_box": "the text in the input box of a client that was to exit, if the foreground command is unknown",
    "ending": "a footer that says the client is about to end (no state)",
    "fresh": "placeholder text of the input box that the client shows only before the first message (no state)",
    "aside": "lines under the newest message that are no message of their own (no state)",
}
STATELESS = frozenset({"suggestion", "fresh", "aside", "ending"})

# A long region's running text keeps both ends: a dialog's title, and its rows with the keys.
_HEAD_LINES, _TAIL_LINES = 15, 35
_FLAT_COLUMNS = 300
_FLAT_HEAD, _FLAT_TAIL = 1_000, 2_200
_ENDING_PARAGRAPHS, _ENDING_COLUMNS = 2, 800
_FRAMES = "│┃"
_RULE_RUN = pattern(r"[─━╌┄═▔▁╭╮╰╯┌┐└┘├┤]{3,500}")
_RULES = ("──", "╌╌", "▔▔", "━━", "┄┄", "══", "▁▁")


@dataclass(frozen=True, slots=True)
class Region:
    """Some lines of a screen, also as one line of running text: frames removed, wrapped lines joined.

    ``ending``, for a dialog only: the running text of its last two paragraphs, its rows and keys. No text by an agent
    can be below them."""

    lines: tuple[str, ...] = ()
    flat: str = ""
    ending: str = ""

    def __bool__(self) -> bool:
        return bool(self.flat)


def region_of(lines: Sequence[str]) -> Region:
    """A region of these lines; for a very long one the running text keeps the head and the tail."""
    ends = lines if len(lines) <= _HEAD_LINES + _TAIL_LINES else [*lines[:_HEAD_LINES], *lines[-_TAIL_LINES:]]
    flat = " ".join(" ".join(_unframed(line) for line in ends).split())
    if len(flat) > _FLAT_HEAD + _FLAT_TAIL:
        flat = f"{flat[:_FLAT_HEAD]} {flat[-_FLAT_TAIL:]}"
    return Region(tuple(line.replace("\xa0", " ") for line in ends), flat)


def dialog_region(lines: Sequence[str]) -> Region:
    """A dialog's region, with its ending."""
    region = region_of(lines)
    kept: list[str] = []
    gaps, below = 0, False
    for line in reversed(lines[-_TAIL_LINES:]):
        words = _unframed(line).strip()
        if words:
            kept.append(words)
        elif below:
            gaps += 1
        if gaps == _ENDING_PARAGRAPHS:
            break
        below = bool(words)
    ending = " ".join(" ".join(reversed(kept)).split())
    return Region(region.lines, region.flat, ending[-_ENDING_COLUMNS:])


def _unframed(line: str) -> str:
    bare = line[:_FLAT_COLUMNS].strip().strip(_FRAMES)
    return _RULE_RUN.sub(" ", bare) if any(twice in bare for twice in _RULES) else bare


@dataclass(frozen=True, slots=True)
class Box:
    """An input box: the lines between its rules, the text typed in it, and the client's suggestion."""

    top: int
    bottom: int
    draft: str = ""
    suggestion: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """A screen's structure, before any rule is asked.

    ``box``: the live input box, at the bottom with only its footer below, so that no dialog can be there. ``certain``:
    the dialog region has an opening line; without one it needs a focused row or a key hint. ``unfinished``: the agent's
    newest message lacks the line that this client writes when a turn ends; ``marks_ends``: other turns on the screen
    have it."""

    regions: Mapping[str, Region] = field(default_factory=dict)
    box: Box | None = None
    certain: bool = False
    unfinished: bool = False
    marks_ends: bool = False

    def region(self, name: str) -> Region:
        """The region of that name, empty if the screen has none."""
        return self.regions.get(name, Region())


Finds = Callable[[str, str], bool]
"""Whether any rule of a region (first argument) matches a text (second): for use by the layouts."""


@dataclass(frozen=True, slots=True)
class ClientScreens:
    """How one client's screens are read. ``programs``: foreground names that only this client has. ``looks_like``:
    whether the lines carry marks that only this client draws."""

    programs: frozenset[str]
    layout: Callable[[Screen, Finds], Layout]
    looks_like: Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Screen:
    """The lines of one pane, cleaned, without blank lines at the end."""

    lines: tuple[Line, ...]
    title: str = ""
    width: int = 0

    @classmethod
    def of(cls, lines: Iterable[str], title: str = "", width: int = 0) -> Screen:
        """Clean captured lines, with or without colours. ``width`` in columns; 0: unknown, the longest line's."""
        read = list(read_lines(lines))
        while read and not read[-1].text.strip():
            read.pop()
        longest = max((len(line.text) for line in read), default=0)
        return cls(tuple(read), title[:200], width or longest)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(line.text for line in self.lines)


def quoted_at_end(screen: Screen, start: int, end: int) -> bool:
    """Whether the last line of a message is quoted: in a colour of its own, or after a line that ends with a colon."""
    said = [at for at in range(start, end) if screen.texts[at].strip()]
    if len(said) > 1 and screen.texts[said[-2]].endswith(":"):
        return True
    before = screen.lines[start - 1] if start else Line("")
    return bool(said) and quotes_by_colour(screen.lines[start : said[-1] + 1], before)
