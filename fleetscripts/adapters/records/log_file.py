"""A log for people: one line an event, to a stream and to a file that stays small."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from fleetscripts.adapters.records.files import append_line

MAX_BYTES = 2_000_000
"""Above this the file becomes ``NAME.1``, in place of the one before it."""


class LogFile:
    """Lines with the local time before them. Safe to write from several threads."""

    def __init__(self, path: Path, stream: TextIO | None = None) -> None:
        self.path = path
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Append one line; the caller has taken out what a terminal would obey.

        What cannot be written (a full disk, a terminal that went) is left out: what the log tells of goes on."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n"
        with self._lock:
            with suppress(OSError):
                self._show(line)
            with suppress(OSError):
                self._append(line.encode("utf-8", "replace"))

    def _show(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(line)
            self._stream.flush()

    def _append(self, line: bytes) -> None:
        if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
        append_line(self.path, line)
