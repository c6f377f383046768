"""A log for people: one line an event, to a stream and to a file that stays small."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TextIO

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
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise FleetError(f"cannot write the log {self.path}: {error.strerror}") from error
