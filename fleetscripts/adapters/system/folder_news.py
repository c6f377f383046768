"""Reports each file that is written completely in a folder, at once and without polling."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

from fleetscripts.adapters.system.file_events import FileEvents

_WRITTEN, _MOVED_HERE, _GONE = 0x8, 0x80, 0x40 | 0x200 | 0x400 | 0x800
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_EVENT_BYTES = 65536


class FolderNews:
    """``fileno`` is readable after a change; ``take`` resets it. Changes of other names are reported too. On systems
    other than Linux ``wake`` is called instead, from another thread."""

    def __init__(self, folder: Path, wake: Callable[[], None]) -> None:
        self._descriptor = _inotify(folder) if sys.platform == "linux" else -1
        self._events: FileEvents | None = None
        if self._descriptor < 0:
            self._events = FileEvents(lambda _: wake())
            self._events.watch([folder])

    def fileno(self) -> int | None:
        """None if ``wake`` is used."""
        return self._descriptor if self._descriptor >= 0 else None

    def take(self) -> None:
        """Reset until the next change."""
        try:
            os.read(self._descriptor, _EVENT_BYTES)
        except BlockingIOError:
            return

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        if self._events is not None:
            self._events.close()


def _inotify(folder: Path) -> int:
    """An inotify descriptor; below 0 if the system refuses one."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(_NONBLOCK_CLOEXEC))
    if descriptor >= 0 and libc.inotify_add_watch(descriptor, os.fsencode(folder), _WRITTEN | _MOVED_HERE | _GONE) < 0:
        os.close(descriptor)
        return -1
    return descriptor
