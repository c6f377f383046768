"""A log for people: one line per event, to a stream and to a file of bounded size."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from fleetscripts.adapters.records.files import append_line

MAX_BYTES = 2_000_000
"""A larger file is rotated to ``NAME.1``, replacing the one before."""


class LogFile:
    """Lines prefixed with the local time. Thread-safe."""

    def __init__(self, path: Path, stream: TextIO | None = None) -> None:
        self.path = path
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Append one line; the caller has sanitised it. A failed write (full disk, closed terminal) is skipped: logging
        must not stop the work."""
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
