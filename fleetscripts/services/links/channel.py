"""A link's one channel: non-blocking messages in and out, and detection of a dead other end."""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from fleetscripts.adapters.ssh.ssh import end
from fleetscripts.core.hosts import wire
from fleetscripts.errors import FleetError

PING_SECONDS = 10.0
DEAF_SECONDS = 25.0
"""Two missing answers: the link is half open, or the host is stalled."""

FIRST_WORDS_SECONDS = 20.0
PIPE_BYTES = 65536
MOST_UNSENT = 64 << 20
MOST_WORDS = 2000


class ChannelSilent(FleetError):
    """No message came for too long."""


@dataclass
class Channel:
    """One ssh process. ``epoch`` counts the links to its host; times are of the steady clock."""

    process: subprocess.Popen[bytes]
    nonce: str
    epoch: int
    began: float
    online_since: float = 0
    _lines: wire.Lines = field(init=False)
    _out: bytes = b""
    _words: bytes = b""
    _pings: int = 0

    def __post_init__(self) -> None:
        self._lines = wire.Lines(self.nonce)
        self.heard = self.pinged = self.began
        self.stdin, self.stdout, self.stderr = (
            _unblocked(pipe) for pipe in (self.process.stdin, self.process.stdout, self.process.stderr)
        )

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Register for incoming data."""
        for pipe in (self.stdout, self.stderr):
            selector.register(pipe, selectors.EVENT_READ)

    def close(self, selector: selectors.BaseSelector) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe in selector.get_map():
                selector.unregister(pipe)
        end(self.process)

    @property
    def words(self) -> str:
        """The last output besides the messages: an error by ssh or the shell."""
        return self._words.decode("utf-8", "replace").strip()

    def send(self, message: wire.Message) -> None:
        """Queue a message."""
        self._out += wire.encode(message)
        if len(self._out) > MOST_UNSENT:
            raise ChannelSilent(f"the host takes nothing: {len(self._out)} bytes wait")

    def flush(self, selector: selectors.BaseSelector) -> None:
        """Write what the pipe accepts, and register for more. Raises OSError if it is broken."""
        try:
            while self._out:
                self._out = self._out[os.write(self.stdin, self._out) :]
        except BlockingIOError:
            pass
        watched = self.stdin in selector.get_map()
        if self._out and not watched:
            selector.register(self.stdin, selectors.EVENT_WRITE)
        elif watched and not self._out:
            selector.unregister(self.stdin)

    def hear(self, ready: dict[Any, int], now: float) -> Iterator[wire.Message]:
        """The messages that came. Raises FleetError if it has ended or sends something else."""
        if self.stderr in ready:
            self._words = (self._words + os.read(self.stderr, PIPE_BYTES))[-MOST_WORDS:]
        if self.stdout not in ready:
            return
        data = os.read(self.stdout, PIPE_BYTES)
        if not data:
            code = self.process.wait()
            raise FleetError(self.words.splitlines()[-1] if self.words else f"the link ended (exit code {code})")
        for line in self._lines.feed(data):
            self.heard = now
            if (message := wire.decode(line)) is not None:
                yield message

    def silent(self, now: float) -> bool:
        """Whether two pings went unanswered: what is sent now may be run much later, so nothing is."""
        return now - self.heard > 2 * PING_SECONDS

    def keep_time(self, now: float) -> None:
        """Send a ping when it is time. Raises ChannelSilent."""
        silent = now - self.heard
        if silent > DEAF_SECONDS or (not self._lines.begun and now - self.began > FIRST_WORDS_SECONDS):
            raise ChannelSilent(f"no message came for {silent:.0f} s{f' ({self.words})' if self.words else ''}")
        if now - self.pinged >= PING_SECONDS:
            self.pinged, self._pings = now, self._pings + 1
            self.send(wire.Ping(self._pings))


def _unblocked(pipe: IO[bytes] | None) -> int:
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    return pipe.fileno()
