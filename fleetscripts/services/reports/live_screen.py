"""Draws a whole terminal line by line, cutting lines itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fleetscripts.core.reports.watch_view import Piece

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment

NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"
EMPTY_LINE = "\x1b[0m\x1b[2K"
"""Sent before the line is drawn: after one that reaches the edge it would erase the last character."""


class LiveScreen:
    """The terminal's alternate screen, without a cursor; lines too wide for it are cut at its edge."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show this screen, and restore the former one at the end."""
        self._show(True)
        try:
            yield
        finally:
            self._show(False)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Lend the terminal to another program, then restore this screen."""
        self._show(False)
        try:
            yield
        finally:
            self._show(True)

    def draw(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Draw each line in its place, over what was drawn there."""
        from rich.segment import Segment, Segments

        parts: list[Segment] = []
        for number, line in enumerate(lines, 1):
            parts.append(Segment(f"\x1b[{number};1H{EMPTY_LINE}"))
            parts += [Segment(piece.text, self.console.get_style(piece.style)) for piece in line]
        self.console.print(Segments(parts), end="", soft_wrap=True)

    def _show(self, shown: bool) -> None:
        from rich.segment import Segment, Segments

        self.console.set_alt_screen(shown)
        self.console.show_cursor(not shown)
        self.console.print(Segments([Segment(NO_WRAP if shown else WRAP)]), end="", soft_wrap=True)
