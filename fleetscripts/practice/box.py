"""The input box: typed and pasted text, unsent."""

from __future__ import annotations

import os

PASTE_LINES = 2
PASTE_CHARACTERS = 800
"""A longer paste is shown as a placeholder, as by the client."""


class Paste:
    """A long paste, shown as its placeholder."""

    __slots__ = ("number", "text")

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text

    def shown(self) -> str:
        """The placeholder."""
        lines = self.text.count("\n")
        return f"[Pasted text #{self.number} +{lines} lines]" if lines else f"[Pasted text #{self.number}]"

    def sent(self) -> str:
        """As the client's transcript wraps it."""
        mark = os.urandom(2).hex()
        return f'\n\n<pasted_content id="{mark}">\n{self.text}\n</pasted_content id="{mark}">\n'


class Box:
    """Typed text and pastes in order; the cursor is at the end."""

    def __init__(self) -> None:
        self._parts: list[str | Paste] = []
        self._pastes = 0

    def __bool__(self) -> bool:
        return bool(self._parts)

    def type(self, text: str) -> None:
        """Adds typed text."""
        if not text:
            return
        if self._parts and isinstance(self._parts[-1], str):
            self._parts[-1] += text
        else:
            self._parts.append(text)

    def paste(self, text: str) -> None:
        """Adds a paste: as text if short, as a placeholder if long."""
        if text.count("\n") > PASTE_LINES or len(text) > PASTE_CHARACTERS:
            self._pastes += 1
            self._parts.append(Paste(self._pastes, text))
        else:
            self.type(text)

    def erase(self) -> None:
        """Deletes one character or one paste."""
        if not self._parts:
            return
        last = self._parts.pop()
        if isinstance(last, str) and len(last) > 1:
            self._parts.append(last[:-1])

    def erase_line(self) -> None:
        """Deletes the line under the cursor; an empty line goes with the line break before it."""
        if self.shown().endswith("\n"):
            self.erase()
            return
        while self._parts and not self.shown().endswith("\n"):
            last = self._parts.pop()
            if isinstance(last, str) and "\n" in last:
                self._parts.append(last[: last.rindex("\n") + 1])

    def take(self) -> list[str | Paste]:
        """Empties the box; returns its content, for ``put_back``."""
        parts, self._parts = self._parts, []
        return parts

    def put_back(self, parts: list[str | Paste]) -> None:
        """Puts parts back in front of the box's content."""
        self._parts = [*parts, *self._parts]

    def plain(self) -> str:
        """The text with its pastes, unmarked."""
        return "".join(part if isinstance(part, str) else part.text for part in self._parts)

    def shown(self) -> str:
        """What the box shows."""
        return "".join(part if isinstance(part, str) else part.shown() for part in self._parts)

    def sent(self) -> str:
        """What submitting the box sends."""
        return "".join(part if isinstance(part, str) else part.sent() for part in self._parts)
