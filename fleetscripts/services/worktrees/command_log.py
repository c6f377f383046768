"""Logs the output of the operator's commands: bounded, secrets masked, with its last lines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.adapters.records.files import private_folder
from fleetscripts.core.records.redact import MASK, redact
from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.errors import FleetError

MOST_BYTES = 2_000_000
LONGEST_LINE = 20_000
LAST_LINES = 6
SHOWN_COLUMNS = 200
SHORTEST_SECRET = 6
"""Characters: a shorter value may be a word of the output."""


@dataclass
class CommandLog:
    """Output as it comes. ``secrets``: values masked everywhere. A failed write (full disk) does not stop the command:
    its last lines are reported all the same."""

    path: Path
    secrets: Iterable[str] = ()
    problem: str = ""
    kept: int = LAST_LINES
    _last: list[bytes] = field(default_factory=list)
    _rest: bytes = b""
    _written: int = 0

    def begin(self) -> None:
        """Create an empty log, for its owner alone."""
        try:
            private_folder(self.path.parent)
            self.path.unlink(missing_ok=True)
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise FleetError(f"cannot write the log {self.path}: {error.strerror}") from error

    def __call__(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")
        self._rest = self._rest[-LONGEST_LINE:]
        self._keep(lines)

    def end(self) -> None:
        """Handle a last line without a line end."""
        self._keep([self._rest] if self._rest else [])
        self._rest = b""

    def last_lines(self) -> list[str]:
        """As one line, for an error."""
        return [fit(sanitize(self._masked(line)), SHOWN_COLUMNS) for line in self._last]

    def _keep(self, lines: list[bytes]) -> None:
        said_last = [*self._last, *(line[-LONGEST_LINE:] for line in lines if line.strip())]
        self._last = said_last[-self.kept :]
        if self._written >= MOST_BYTES or not lines:
            return
        said = "".join(f"{self._masked(line[:LONGEST_LINE])}\n" for line in lines).encode("utf-8", "replace")
        self._written += len(said)
        try:
            with self.path.open("ab") as stream:
                stream.write(said)
        except OSError as error:
            self.problem, self._written = str(error.strerror), MOST_BYTES

    def _masked(self, line: bytes) -> str:
        text = redact(line.decode("utf-8", "replace"))
        for secret in self.secrets:
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, MASK)
        return text
