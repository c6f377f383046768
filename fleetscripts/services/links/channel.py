"""The one channel of a link: messages in and out without waiting, and knowing when nobody is at the other end."""

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
"""Two answers missing: the link is half open, or the host stands still."""

FIRST_WORDS_SECONDS = 20.0
PIPE_BYTES = 65536
MOST_UNSENT = 64 << 20
MOST_WORDS = 2000


class ChannelSilent(FleetError):
    """Nothing was heard for too long."""


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
        """Be told of what comes."""
        for pipe in (self.stdout, self.stderr):
            selector.register(pipe, selectors.EVENT_READ)

    def close(self, selector: selectors.BaseSelector) -> None:
        """End it."""
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe in selector.get_map():
                selector.unregister(pipe)
        end(self.process)

    @property
    def words(self) -> str:
        """The end of what came beside the messages: ssh's or the shell's complaint."""
        return self._words.decode("utf-8", "replace").strip()

    def send(self, message: wire.Message) -> None:
        """Put a message on its way."""
        self._out += wire.encode(message)
        if len(self._out) > MOST_UNSENT:
            raise ChannelSilent(f"the host takes nothing: {len(self._out)} bytes wait")

    def flush(self, selector: selectors.BaseSelector) -> None:
        """Write what the pipe takes, and be told when it takes more. Raises OSError when it is broken."""
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
        """The messages that came. Raises FleetError when it has ended or speaks no language of ours."""
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
        """Whether two questions went unanswered: what is sent now may be begun much later, so nothing is."""
        return now - self.heard > 2 * PING_SECONDS

    def keep_time(self, now: float) -> None:
        """Ask whether anybody is there, when it is time. Raises ChannelSilent."""
        silent = now - self.heard
        if silent > DEAF_SECONDS or (not self._lines.begun and now - self.began > FIRST_WORDS_SECONDS):
            raise ChannelSilent(f"nothing was heard for {silent:.0f} s{f' ({self.words})' if self.words else ''}")
        if now - self.pinged >= PING_SECONDS:
            self.pinged, self._pings = now, self._pings + 1
            self.send(wire.Ping(self._pings))


def _unblocked(pipe: IO[bytes] | None) -> int:
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    return pipe.fileno()
