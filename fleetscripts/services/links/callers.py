"""Commands of this machine that call a host: accepted on the link's socket, answered with the results."""

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
"""In a reply: the call was never sent."""

Send = Callable[[wire.Message], None]


@dataclass(eq=False)
class Caller:
    """One caller and its one call."""

    connection: socket.socket
    call: wire.Call | None = None
    sent: bool = False
    lines: wire.Lines = field(default_factory=wire.Lines)
    heard: list[wire.Forget] = field(default_factory=list)
    """Results that have reached it."""
    out: bytes = b""

    def hear(self) -> None:
        """Read its messages. Raises OSError or NoMessage if it is to be dropped."""
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
    """All callers, on a socket at ``path``."""

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
        """Accept no more."""
        self._listener.close()
        self._path.unlink(missing_ok=True)

    @property
    def waiting(self) -> bool:
        """Whether any caller waits."""
        return any(caller.call is not None for caller in self._known.values())

    def serve(self, ready: dict[Any, int]) -> bool:
        """Read what came; returns whether there is a new call."""
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
        """Send the waiting calls, and which results have arrived; ``again``: over a new link also the calls sent over
        the one before. The host runs each once."""
        while self._heard:
            send(self._heard.pop())
        for caller in self._known.values():
            if caller.call is not None and (again or not caller.sent):
                caller.sent = True
                send(caller.call)

    def refuse_unsent(self, why: str) -> None:
        """The host is unreachable. Callers whose call may have been started go on waiting."""
        for caller in list(self._known.values()):
            if caller.call is not None and not caller.sent:
                self._tell(caller, wire.Reply(caller.call.id, UNREACHABLE, 3, why))

    def relay(self, message: wire.Output | wire.Reply, send: Send) -> None:
        """Pass a result on to its caller; without one the host keeps it."""
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
        """Drops a caller that has gone, or that sends an invalid call."""
        try:
            yield
        except (OSError, wire.NoMessage):
            self._known.pop(caller.connection.fileno(), None)
            self._selector.unregister(caller.connection)
            caller.connection.close()
