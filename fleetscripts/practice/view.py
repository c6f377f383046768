"""The screen: the conversation, the spinner, the box between rules and the footer, or a dialog."""

from __future__ import annotations

import time

from fleetscripts.practice.dialog import Dialog
from fleetscripts.practice.registry import VERSION

GLYPHS = "·✢✳✶✻✽"
TIP = "  ⎿  Tip: Press Shift+Enter to send a multi-line message"
SUGGESTION = "Press up to edit queued messages"
_DIM, _GREY, _FOCUS, _REVERSE, _PLAIN = "\x1b[2m", "\x1b[38;5;246m", "\x1b[38;5;153m", "\x1b[7m", "\x1b[0m"
_MODES = {
    "bypassPermissions": "⏵⏵ bypass permissions on (shift+tab to cycle)",
    "acceptEdits": "⏵⏵ accept edits on (shift+tab to cycle)",
    "plan": "⏸ plan mode on (shift+tab to cycle)",
    "auto": "⏵⏵ auto mode on (shift+tab to cycle)",
}
MANUAL = "⏸ manual mode on · ? for shortcuts"


def clean(text: str) -> str:
    """Text without control characters: nothing shown may control the terminal."""
    return "".join(character if character >= " " and character != "\x7f" else " " for character in text)


def width_of(text: str) -> int:
    """A text's width in columns: East Asian wide characters and emoji take two, joiners and marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    wide = sum(2 if east_asian_width(character) in "WF" else 1 for character in text if not combining(character))
    return wide - text.count("\u200d") - text.count("\ufe0f")


def wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    """Lines of at most ``width`` columns, the first behind ``first``, the others behind ``rest``."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lead = rest if lines else first
        line, used = lead, width_of(lead)
        for word in _words(clean(paragraph), width - width_of(rest) - 1):
            size = width_of(word) + (1 if line != lead else 0)
            if used + size > width and line.strip():
                lines.append(line)
                line, used, size, lead = rest, width_of(rest), width_of(word), rest
            line += word if line == lead else f" {word}"
            used += size
        lines.append(line)
    return lines


def _words(text: str, longest: int) -> list[str]:
    """The words of a text; one too long for a line is cut (every character counted as two columns)."""
    words = []
    for word in text.split(" "):
        size = max(1, longest if word.isascii() else longest // 2)
        words += [word[start : start + size] for start in range(0, len(word), size)] or [""]
    return words


class View:
    """The parts of the screen that the session changes; ``frame`` combines them."""

    def __init__(self, permission_mode: str, cwd: str) -> None:
        self.mode = permission_mode
        self.entries: list[tuple[str, str]] = []
        self.status = ""
        self.hint = ""
        self.notice: list[str] = []
        self.shells = 0
        self.overlay: list[str] = []
        self._cwd = cwd
        self._wrapped: list[str] = []
        self._known: tuple[int, int] = (0, 0)

    def add(self, kind: str, text: str) -> None:
        """Adds to the conversation: user, agent, tool, result, note or done."""
        self.entries.append((kind, text))

    def replace_last(self, text: str) -> None:
        """Extends a streamed text."""
        self.entries[-1] = (self.entries[-1][0], text)
        self._known = (0, 0)

    def drop_last(self) -> None:
        """Removes the last entry."""
        self.entries.pop()
        self._known = (0, 0)

    def frame(
        self, columns: int, rows: int, draft: str, queue: list[str], dialog: Dialog | None
    ) -> tuple[list[str], tuple[int, int]]:
        """All rows of the screen and the cursor's position."""
        bottom, cursor = self._bottom(columns, draft, queue, dialog)
        if len(bottom) > rows:
            cut = len(bottom) - rows
            bottom, cursor = bottom[cut:], (max(0, cursor[0] - cut), cursor[1])
        space = rows - len(bottom)
        body = (self.overlay or self._conversation(columns))[-space:] if space else []
        filled = body + [""] * (space - len(body))
        return filled + bottom, (len(filled) + cursor[0], cursor[1])

    def _conversation(self, columns: int) -> list[str]:
        known, width = self._known
        if width != columns or known > len(self.entries):
            self._wrapped, known = self._header(), 0
        for kind, text in self.entries[known:]:
            self._wrapped += _entry(kind, text, columns)
        self._known = (len(self.entries), columns)
        return self._wrapped

    def _header(self) -> list[str]:
        top = [f" ▐▛███▛█   Claude Code v{VERSION}", "▝▜██████▀  Practice · no model", f" ▝▝   ▝▝   {clean(self._cwd)}"]
        return ["", *top, ""]

    def _bottom(
        self, columns: int, draft: str, queue: list[str], dialog: Dialog | None
    ) -> tuple[list[str], tuple[int, int]]:
        rule = "─" * columns
        if dialog is not None:
            lines = [_dialog_line(line, focused, columns) for line, focused in dialog.lines()]
            return ["", rule, *lines], (len(lines) + 1, 0)
        rows = [line for text in queue for line in wrapped(text, columns, "❯ ", "  ")]
        rows += ["  ⎿  Queued · ctrl+x ctrl+s to send now"] if queue else []
        rows += ["", self.status, TIP] if self.status else []
        rows += ["", rule]
        if draft or not queue:
            box = wrapped(draft, columns - 1, "❯\xa0", "  ")
            cursor = (len(rows) + len(box) - 1, width_of(box[-1]))
            box[-1] += f"{_REVERSE} {_PLAIN}"
        else:
            cursor = (len(rows), 2)
            box = [f"❯\xa0{_REVERSE}{SUGGESTION[0]}{_PLAIN}{_DIM}{SUGGESTION[1:]}{_PLAIN}"]
        return [*rows, *box, rule, *self._footer(draft, columns)], cursor

    def _footer(self, draft: str, columns: int) -> list[str]:
        if self.hint:
            return [f"  {self.hint}"[:columns]]
        footer = _MODES.get(self.mode, MANUAL)
        if self.shells:
            plural = "s" if self.shells > 1 else ""
            footer = f"{footer.removesuffix(' (shift+tab to cycle)')} · {self.shells} shell{plural} · ↓ to manage"
        if self.status and not draft:
            footer += " · esc to interrupt"
        return [*(f"  {line}"[:columns] for line in self.notice), f"  {footer}"[:columns]]


def _dialog_line(line: str, focused: bool, columns: int) -> str:
    if line == "╌":
        return "╌" * columns
    cut = clean(line)[:columns]
    return f"{_FOCUS}{cut}{_PLAIN}" if focused else cut


def _entry(kind: str, text: str, columns: int) -> list[str]:
    leads = {"user": ("❯ ", "  "), "agent": ("● ", "  "), "tool": ("  ", "  "), "result": ("  ⎿  ", "     ")}
    if kind == "done":
        return [f"{_GREY}{clean(text)[: columns - 1]}{_PLAIN}", ""]
    if kind == "user":
        return [*(f"{line}" for line in wrapped(text, columns - 1, *leads["user"])), ""]
    return [*wrapped(text, columns - 1, *leads.get(kind, ("● ", "  "))), ""]


def clock(at: float) -> str:
    """A time of day as the client writes it: 12:46am."""
    return time.strftime("%I:%M%p", time.gmtime(at)).lstrip("0").lower()
