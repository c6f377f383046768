"""The terminal: raw mode, the alternate screen, frames drawn by difference, input read and logged."""

from __future__ import annotations

import os
import signal
import termios
import tty

_ALTERNATE_ON = "\x1b[?1049h\x1b[2J\x1b[H"
_ALTERNATE_OFF = "\x1b[?1049l"
_INPUT_ON = "\x1b[?2004h\x1b[?25l"
_INPUT_OFF = "\x1b[?2004l\x1b[?25h"
READ_BYTES = 65536


class Terminal:
    """Standard input and output of a full-screen program."""

    def __init__(self, keylog: str) -> None:
        self._saved = termios.tcgetattr(0)
        self._keylog = os.open(keylog, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if keylog else -1
        self._drawn: list[str] = []
        self._inline = 0
        self._alternate = False

    def start(self, title: str) -> None:
        """Raw mode, bracketed paste, cursor hidden, and the window's title."""
        tty.setraw(0)
        self.write(f"{_INPUT_ON}\x1b]2;{title}\x07")

    def stop(self) -> None:
        """Restores the terminal and the screen before ours."""
        self.write(f"{_ALTERNATE_OFF if self._alternate else ''}{_INPUT_OFF}\x1b]2;\x07")
        self._alternate = False
        termios.tcsetattr(0, termios.TCSADRAIN, self._saved)

    def read(self) -> bytes:
        """New input, empty if the terminal is gone; every byte is also logged."""
        try:
            data = os.read(0, READ_BYTES)
        except OSError:
            return b""
        if self._keylog >= 0:
            os.write(self._keylog, data)
        return data

    def write(self, text: str) -> None:
        """Writes it all; if the terminal is gone, its hang-up signal ends the program."""
        data = text.encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(1, data) :]
        except OSError:
            os.kill(os.getpid(), signal.SIGHUP)

    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        columns, rows = os.get_terminal_size(1)
        return max(columns, 20), max(rows, 8)

    def forget(self) -> None:
        """Redraws everything next time."""
        self._drawn = []

    def draw(self, rows: list[str], cursor: tuple[int, int]) -> None:
        """Shows the rows on the alternate screen, writing only changes. ``cursor``: row and column."""
        out = []
        if not self._alternate:
            out.append(_ALTERNATE_ON)
            self._alternate, self._drawn = True, []
        whole = len(self._drawn) != len(rows)
        if whole:
            out.append("\x1b[2J")
        for index, row in enumerate(rows):
            if whole or self._drawn[index] != row:
                out.append(f"\x1b[{index + 1};1H\x1b[0m{row}\x1b[0m\x1b[K")
        if out:
            out.append(f"\x1b[{cursor[0] + 1};{cursor[1] + 1}H")
            self.write("".join(out))
        self._drawn = rows

    def draw_inline(self, rows: list[str]) -> None:
        """Shows rows below the normal screen's content, replacing those shown before."""
        back = f"\x1b[{self._inline}A" if self._inline else ""
        self.write(f"\r{back}\x1b[J" + "\r\n".join(rows) + "\r\n")
        self._inline = len(rows)

    def clear_inline(self) -> None:
        """Removes what ``draw_inline`` showed."""
        if self._inline:
            self.write(f"\r\x1b[{self._inline}A\x1b[J")
            self._inline = 0
