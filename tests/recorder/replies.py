"""What the scripted model answers: a reply is a few steps, and a hold lasts until the recorder lets go of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

HOLD_SECONDS = 120.0


@dataclass(frozen=True)
class Say:
    """Text in one piece."""

    text: str


@dataclass(frozen=True)
class Slow:
    """Text word by word, ``seconds`` apart, until the model is released."""

    text: str
    seconds: float = 0.25


@dataclass(frozen=True)
class Hold:
    """Nothing, until the recorder releases the model."""


@dataclass(frozen=True)
class Call:
    """A tool call, by the tool's name in the client (``input`` as that client wants it)."""

    tool: str
    input: Mapping[str, Any]


@dataclass(frozen=True)
class Fail:
    """An answer that is an error; what a client shows of it depends on status, kind and headers."""

    status: int
    kind: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


Step = Say | Slow | Hold | Call | Fail
Reply = tuple[Step, ...]


class Script:
    """Which reply belongs to which prompt, and what has been asked so far.

    A prompt's replies are bound by a text it contains; the n-th request of its turn gets the n-th reply, so a retried
    request gets the same one again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replies: dict[str, tuple[Reply, ...]] = {}
        self._asked: list[tuple[str, int]] = []
        self._released = threading.Event()
        self.in_flight = 0
        self.side_requests: list[str] = []

    def on(self, key: str, *replies: Reply) -> None:
        """From now on a prompt that contains ``key`` gets these replies, one for each request of its turn."""
        with self._lock:
            self._replies[key] = replies
            self._asked = [entry for entry in self._asked if entry[0] != key]
            self._released.clear()

    def asked(self, key: str, turn: int = 0) -> int:
        """How often the prompt with ``key`` has come, in its request number ``turn``."""
        with self._lock:
            return sum(1 for entry in self._asked if entry == (key, turn))

    def known(self) -> list[str]:
        """All keys, the newest first."""
        with self._lock:
            return list(reversed(self._replies))

    def reply(self, key: str, turn: int) -> Reply:
        """The reply for one request, noted as asked."""
        with self._lock:
            self._asked.append((key, turn))
            replies = self._replies[key]
        return replies[turn] if turn < len(replies) else (Say("That is finished."),)

    def release(self) -> None:
        """Lets all held replies go on."""
        self._released.set()

    def held(self) -> Iterator[None]:
        """Ticks while a hold lasts, so that the stream can ping."""
        end = time.monotonic() + HOLD_SECONDS
        while not self._released.wait(0.5) and time.monotonic() < end:
            yield

    @property
    def let_go(self) -> bool:
        """True once the model was released."""
        return self._released.is_set()

    def count(self, change: int) -> None:
        """Notes that a streamed answer began (1) or ended (-1)."""
        with self._lock:
            self.in_flight += change
