"""Single keys from the terminal, and a bell with which other threads and signals end the wait for them."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

KEYS = {
    b"j": "down", b"\x1b[B": "down", b"\x1bOB": "down", b"\x0e": "down",
    b"k": "up", b"\x1b[A": "up", b"\x1bOA": "up", b"\x10": "up",
    b"g": "first", b"\x1b[H": "first", b"\x1b[1~": "first",
    b"G": "last", b"\x1b[F": "last", b"\x1b[4~": "last",
    b"\x1b[6~": "page down", b"\x04": "page down", b" ": "page down",
    b"\x1b[5~": "page up", b"\x15": "page up",
    b"\r": "enter", b"\n": "enter",
    b"q": "quit", b"Q": "quit", b"\x03": "quit",
}  # fmt: skip
ROOM = 4096


class Bell:
    """Rung from anywhere; wakes ``wait_for_keys``."""

    def __init__(self) -> None:
        self.heard, self._rung = os.pipe()
        os.set_blocking(self.heard, False)
        os.set_blocking(self._rung, False)

    def ring(self, *_: object) -> None:
        """End the wait; may be rung repeatedly."""
        try:
            os.write(self._rung, b"!")
        except BlockingIOError:
            return

    def silence(self) -> bool:
        """Reset; returns whether it had been rung."""
        try:
            return bool(os.read(self.heard, ROOM))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self.heard)
        os.close(self._rung)


def wait_for_keys(bell: Bell, seconds: float) -> list[str]:
    """The keys pressed, as soon as there are any; [] if the bell rang or the time is over."""
    ready, _, _ = select.select([sys.stdin, bell.heard], [], [], max(seconds, 0))
    if sys.stdin not in ready:
        return []
    typed = os.read(sys.stdin.fileno(), ROOM)
    return ["quit"] if not typed else list(_keys(typed))


def _keys(typed: bytes) -> Iterator[str]:
    while typed:
        found = next((code for code in sorted(KEYS, key=len, reverse=True) if typed.startswith(code)), None)
        if found is not None:
            yield KEYS[found]
        typed = typed[len(found) if found is not None else 1 :]


@contextmanager
def single_keys(bell: Bell) -> Iterator[None]:
    """The terminal without echo, key by key; a resize rings the bell. Restored afterwards, after SIGTERM too. Control-Z
    is an ordinary key: a suspended view would leave its screen to the shell."""
    before = termios.tcgetattr(sys.stdin)

    def resized(number: int, frame: FrameType | None) -> None:
        bell.ring()

    def ended(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    handlers = {
        number: signal.signal(number, what) for number, what in ((signal.SIGWINCH, resized), (signal.SIGTERM, ended))
    }
    try:
        tty.setcbreak(sys.stdin.fileno())
        _without_suspend(sys.stdin.fileno())
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _without_suspend(terminal: int) -> None:
    modes = termios.tcgetattr(terminal)
    modes[6][termios.VSUSP] = bytes([os.fpathconf(terminal, "PC_VDISABLE")])
    termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
