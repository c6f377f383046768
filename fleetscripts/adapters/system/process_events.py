"""Reports processes as they end, including those of others: Linux by pidfd, macOS by kernel events."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Collection
from typing import Protocol

MOST_PROCESSES = 512
"""Each costs a descriptor on Linux, where 1024 is the usual limit; tmux shows the end of others a second later."""


class _Watcher(Protocol):
    def add(self, pid: int) -> None: ...
    def remove(self, pid: int) -> None: ...
    def ended(self) -> list[int]:
        """Wait for the next ones; empty if ``wake`` was called."""
        ...

    def wake(self) -> None: ...
    def close(self) -> None: ...


class ProcessEvents:
    """Watches processes by pid. ``tell`` gets those that ended, in a thread of ours; not on every system."""

    def __init__(self, tell: Callable[[frozenset[int]], None]) -> None:
        self._tell = tell
        self._pids: set[int] = set()
        self._over = False
        self._lock = threading.Lock()
        self._watcher: _Watcher | None = None
        if hasattr(os, "pidfd_open"):
            self._watcher = _Descriptors()
        elif hasattr(select, "kqueue"):
            self._watcher = _KernelQueue()
        self._thread = threading.Thread(target=self._run, name="process events", daemon=True)
        if self._watcher is not None:
            self._thread.start()

    def watch(self, pids: Collection[int]) -> None:
        """Watch these instead of those before. One that is already gone is reported at once."""
        if self._watcher is None:
            return
        wanted = set(sorted(pids)[:MOST_PROCESSES])
        gone: set[int] = set()
        with self._lock:
            for pid in self._pids - wanted:
                self._watcher.remove(pid)
            for pid in wanted - self._pids:
                try:
                    self._watcher.add(pid)
                except ProcessLookupError:
                    gone.add(pid)
                except OSError:
                    continue  # out of descriptors: tmux tells of its end, a second later
            self._pids = wanted - gone
        if gone:
            self._tell(frozenset(gone))

    def close(self) -> None:
        """Report nothing more."""
        self._over = True
        if self._watcher is not None:
            self._watcher.wake()
            self._thread.join(timeout=2)
            self._watcher.close()

    def _run(self) -> None:
        assert self._watcher is not None
        while not self._over:
            ended = self._watcher.ended()
            with self._lock:
                known = [pid for pid in ended if pid in self._pids]
                for pid in known:
                    self._watcher.remove(pid)
                self._pids.difference_update(known)
            if known and not self._over:
                self._tell(frozenset(known))


class _Descriptors:
    """One pidfd per process: readable once the process has ended."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._by_pid: dict[int, int] = {}
        self._by_descriptor: dict[int, int] = {}
        self._woken, self._waking = os.pipe()
        self._poll.register(self._woken, select.EPOLLIN)

    def add(self, pid: int) -> None:
        descriptor = os.pidfd_open(pid)
        self._by_pid[pid], self._by_descriptor[descriptor] = descriptor, pid
        self._poll.register(descriptor, select.EPOLLIN)

    def remove(self, pid: int) -> None:
        descriptor = self._by_pid.pop(pid, None)
        if descriptor is not None:
            del self._by_descriptor[descriptor]
            self._poll.unregister(descriptor)
            os.close(descriptor)

    def ended(self) -> list[int]:
        ready = [descriptor for descriptor, _ in self._poll.poll()]
        return [pid for descriptor in ready if (pid := self._by_descriptor.get(descriptor)) is not None]

    def wake(self) -> None:
        os.write(self._waking, b"x")

    def close(self) -> None:
        for pid in list(self._by_pid):
            self.remove(pid)
        self._poll.close()
        os.close(self._woken)
        os.close(self._waking)


class _KernelQueue:
    """Kernel events, as macOS and the BSDs have them."""

    def __init__(self) -> None:
        self._queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]
        self._woken, self._waking = os.pipe()
        self._change(self._woken, select.KQ_FILTER_READ, 0)  # type: ignore[attr-defined,unused-ignore]

    def add(self, pid: int) -> None:
        self._change(pid, select.KQ_FILTER_PROC, select.KQ_NOTE_EXIT)  # type: ignore[attr-defined,unused-ignore]

    def remove(self, pid: int) -> None:
        """The kernel itself forgets a process that ended; at most one more event follows."""

    def ended(self) -> list[int]:
        events = self._queue.control(None, 64)
        return [event.ident for event in events if event.filter == select.KQ_FILTER_PROC]  # type: ignore[attr-defined,unused-ignore]

    def wake(self) -> None:
        os.write(self._waking, b"x")

    def close(self) -> None:
        self._queue.close()
        os.close(self._woken)
        os.close(self._waking)

    def _change(self, ident: int, kind: int, notes: int) -> None:
        flags = select.KQ_EV_ADD | select.KQ_EV_CLEAR  # type: ignore[attr-defined,unused-ignore]
        event = select.kevent(ident, filter=kind, flags=flags, fflags=notes)  # type: ignore[attr-defined,unused-ignore]
        self._queue.control([event], 0)
