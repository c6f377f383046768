"""A log for people: one line an event, to a stream and to a file that stays small."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TextIO

from fleetscripts.adapters.records.files import append_line
from fleetscripts.errors import FleetError

MAX_BYTES = 2_000_000
"""Above this the file becomes ``NAME.1``, in place of the one before it."""


class LogFile:
    """Lines with the local time before them. Safe to write from several threads."""

    def __init__(self, path: Path, stream: TextIO | None = None) -> None:
        self.path = path
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Append one line; the caller has taken out what a terminal would obey."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n"
        with self._lock:
            if self._stream is not None:
                self._stream.write(line)
                self._stream.flush()
            self._append(line.encode("utf-8", "replace"))

    def _append(self, line: bytes) -> None:
        try:
            if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
            append_line(self.path, line)
        except OSError as error:
            raise FleetError(f"cannot write the log {self.path}: {error.strerror}") from error
