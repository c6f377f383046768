"""Commands of this machine that wait for calls on a host: taken on the link's socket, answered at their end."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetscripts.core.hosts import wire

MOST_UNREAD = 64 << 20
PIPE_BYTES = 65536
BACKLOG = 64
UNREACHABLE = "unreachable"
"""Of a reply: the call was never sent."""

Send = Callable[[wire.Message], None]


@dataclass(eq=False)
class Caller:
    """One of them, and its one call."""

    connection: socket.socket
    call: wire.Call | None = None
    sent: bool = False
    lines: wire.Lines = field(default_factory=wire.Lines)
    heard: list[wire.Forget] = field(default_factory=list)
    """Answers that have arrived with it."""
    out: bytes = b""

    def hear(self) -> None:
        """Take what it says. Raises OSError or NoMessage where it is to be let go."""
        data = self.connection.recv(PIPE_BYTES)
        if not data:
            raise ConnectionResetError
        for line in self.lines.feed(data):
            message = wire.decode(line)
            if isinstance(message, wire.Forget):
                self.heard.append(message)
            elif isinstance(message, wire.Call) and self.call is None:
                self.call = message


class Callers:
    """All of them, on a socket at ``path``."""

    def __init__(self, path: Path, selector: selectors.BaseSelector) -> None:
        self._path, self._selector = path, selector
        self._known: dict[int, Caller] = {}
        self._heard: list[wire.Forget] = []
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(BACKLOG)
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ)

    def close(self) -> None:
        """Take no more."""
        self._listener.close()
        self._path.unlink(missing_ok=True)

    @property
    def waiting(self) -> bool:
        """Whether anybody waits for a call."""
        return any(caller.call is not None for caller in self._known.values())

    def serve(self, ready: dict[Any, int]) -> bool:
        """Take what came; whether somebody new asks."""
        for caller in list(self._known.values()):
            mask = ready.get(caller.connection, 0)
            with self._letting_go(caller):
                if mask & selectors.EVENT_READ:
                    caller.hear()
                    self._heard += caller.heard
                    caller.heard.clear()
                if mask & selectors.EVENT_WRITE:
                    self._write(caller)
        if self._listener not in ready:
            return False
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            self._known[connection.fileno()] = Caller(connection)
            self._selector.register(connection, selectors.EVENT_READ)
        return True

    def send_all(self, send: Send, again: bool = False) -> None:
        """Send the calls that wait, and which answers have arrived; ``again``: over a new link also the calls that went
        over the one before. The host does each once."""
        while self._heard:
            send(self._heard.pop())
        for caller in self._known.values():
            if caller.call is not None and (again or not caller.sent):
                caller.sent = True
                send(caller.call)

    def refuse_unsent(self, why: str) -> None:
        """The host cannot be reached. Those whose call may have been begun go on waiting."""
        for caller in list(self._known.values()):
            if caller.call is not None and not caller.sent:
                self._tell(caller, wire.Reply(caller.call.id, UNREACHABLE, 3, why))

    def relay(self, message: wire.Output | wire.Reply, send: Send) -> None:
        """Pass an answer on to whoever waits for it; nobody: the host keeps it."""
        for caller in list(self._known.values()):
            if caller.call is None or caller.call.id != message.id:
                continue
            if isinstance(message, wire.Reply) and message.state == "unknown" and caller.call.argv:
                send(caller.call)  # it got lost with a link
                continue
            self._tell(caller, message)

    def _tell(self, caller: Caller, message: wire.Output | wire.Reply) -> None:
        with self._letting_go(caller):
            if isinstance(message, wire.Reply):
                caller.call = None
            caller.out += wire.encode(message)
            if len(caller.out) > MOST_UNREAD:
                raise ConnectionAbortedError
            self._write(caller)

    def _write(self, caller: Caller) -> None:
        try:
            while caller.out:
                caller.out = caller.out[caller.connection.send(caller.out) :]
        except BlockingIOError:
            pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if caller.out else 0)
        self._selector.modify(caller.connection, events)

    @contextlib.contextmanager
    def _letting_go(self, caller: Caller) -> Iterator[None]:
        """Of a caller that has gone, or that says what is no call."""
        try:
            yield
        except (OSError, wire.NoMessage):
            self._known.pop(caller.connection.fileno(), None)
            self._selector.unregister(caller.connection)
            caller.connection.close()
