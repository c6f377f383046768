"""A TCP forwarder that misbehaves on demand: delay, jitter, stalls, links that go half-open, resets."""

from __future__ import annotations

import heapq
import itertools
import random
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for zero seconds: closing sends RST."""


@dataclass(eq=False)
class _Way:
    """One direction of one connection: what is on its way, in order, and when each piece arrives."""

    source: socket.socket
    target: socket.socket
    pieces: list[tuple[float, int, bytes]] = field(default_factory=list)
    last: float = 0.0
    ended: bool = False


class CuttingProxy:
    """Forwards ``port`` on loopback to a target until told otherwise.

    ``delay_seconds`` and ``jitter_seconds`` hold each way (half a round trip); order within a connection stays.
    """

    def __init__(self, target: tuple[str, int], seed: int = 0) -> None:
        self.delay_seconds = 0.0
        self.jitter_seconds = 0.0
        self.accepted = 0
        self.forwarded_bytes = 0
        self._target = target
        self._random = random.Random(seed)
        self._stalled = False
        self._refusing = False
        self._count = itertools.count()
        self._ways: dict[socket.socket, _Way] = {}
        self._lock = threading.RLock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._wake_out, self._wake_in = socket.socketpair()
        self._over = False
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect to."""
        host, port = self._listener.getsockname()
        return host, port

    @property
    def connections(self) -> int:
        """Open ones."""
        with self._lock:
            return len(self._ways) // 2

    def stall(self) -> None:
        """Nothing goes through any more, in either direction, and nobody is told: a link that is half-open."""
        self._change(stalled=True)

    def resume(self) -> None:
        """What was held back goes on."""
        self._change(stalled=False, refusing=False)

    def refuse(self) -> None:
        """New connections end at once; those that are open stay."""
        self._change(refusing=True)

    def reset(self) -> int:
        """End all open connections with RST; how many there were."""
        with self._lock:
            ends = list(self._ways)
            for end in ends:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.close()
            self._ways.clear()
        self._wake()
        return len(ends) // 2

    def close(self) -> None:
        """End everything."""
        self._over = True
        self._wake()
        self._thread.join(timeout=5)
        self.reset()
        self._listener.close()

    def _change(self, *, stalled: bool | None = None, refusing: bool | None = None) -> None:
        with self._lock:
            self._stalled = self._stalled if stalled is None else stalled
            self._refusing = self._refusing if refusing is None else refusing
        self._wake()

    def _wake(self) -> None:
        self._wake_in.send(b".")

    def _forward(self) -> None:
        while not self._over:
            with self._lock:
                due = [way.pieces[0][0] for way in self._ways.values() if way.pieces and not self._stalled]
            self._select(max(0.0, min(due) - time.monotonic()) if due else None)

    def _select(self, wait: float | None) -> None:
        with self._lock:
            ends = [end for end, way in self._ways.items() if not self._stalled and not way.ended]
        selector = selectors.DefaultSelector()
        try:
            for end in (self._listener, self._wake_out, *ends):
                try:
                    selector.register(end, selectors.EVENT_READ)
                except (ValueError, KeyError, OSError):
                    continue  # reset meanwhile
            ready = [key.fileobj for key, _ in selector.select(wait)]
        finally:
            selector.close()
        with self._lock:
            for end in ready:
                if end is self._listener:
                    self._accept()
                elif end is self._wake_out:
                    self._wake_out.recv(CHUNK)
                elif isinstance(end, socket.socket) and end in self._ways:
                    self._receive(end)
            if not self._stalled:
                self._send_due()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            near.close()
            return
        self.accepted += 1
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(5)
        self._ways[near], self._ways[far] = _Way(near, far), _Way(far, near)

    def _receive(self, end: socket.socket) -> None:
        way = self._ways[end]
        try:
            piece = end.recv(CHUNK)
        except OSError:
            piece = b""
        way.ended = not piece
        self.forwarded_bytes += len(piece)
        late = self.delay_seconds + self._random.uniform(0, self.jitter_seconds)
        way.last = max(way.last, time.monotonic() + late)
        heapq.heappush(way.pieces, (way.last, next(self._count), piece))

    def _send_due(self) -> None:
        now = time.monotonic()
        for way in list(self._ways.values()):
            while way.pieces and way.pieces[0][0] <= now:
                _, _, piece = heapq.heappop(way.pieces)
                try:
                    way.target.sendall(piece) if piece else way.target.shutdown(socket.SHUT_WR)
                except OSError:
                    self._end(way)
                    break
            back = self._ways.get(way.target)
            if way.ended and not way.pieces and back is not None and back.ended and not back.pieces:
                self._end(way)

    def _end(self, way: _Way) -> None:
        for end in (way.source, way.target):
            self._ways.pop(end, None)
            end.close()
