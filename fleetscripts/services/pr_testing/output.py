"""Writes a test command's output to its log and its listener, and collects the verdicts in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from fleetscripts.core.pr_testing.results import PrTestResult, Scenario, all_pass, in_output_line
from fleetscripts.core.records.sanitize import sanitize

MOST_LOG_BYTES = 50_000_000
LONGEST_LINE = 20_000
ENDING_LINES = 3


@dataclass
class RunOutput:
    """Output as it comes: written to the log, passed on line by line, its verdicts collected."""

    log: BinaryIO
    listener: Callable[[str], None]
    found: list[Scenario] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    _rest: bytes = b""
    _written: int = 0

    def __call__(self, chunk: bytes) -> None:
        if self._written < MOST_LOG_BYTES:
            self._written += self.log.write(chunk[: MOST_LOG_BYTES - self._written])
            self.log.flush()
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[-LONGEST_LINE:]
        for line in lines:
            self._line(line)

    def end(self) -> None:
        """Handle a last line without a line end."""
        if self._rest:
            self._line(self._rest)

    def _line(self, line: bytes) -> None:
        text = sanitize(line[:LONGEST_LINE].decode("utf-8", "replace"))
        self.listener(text)
        if text:
            self.last = [*self.last, text][-ENDING_LINES:]
        if (one := in_output_line(text)) is not None:
            self.found.append(one)


def verdicts(
    found: Sequence[Scenario], code: int, last: Sequence[str], *, exit_code_decides: bool
) -> tuple[Scenario, ...]:
    """The scenarios and what the exit code adds; none for an answer without content."""
    if code != 0:
        if all_pass(found) or not found:
            ending = f": {' / '.join(last)}" if last else ""
            return (*found, Scenario("the command", PrTestResult.FAIL, f"exit code {code}{ending}"))
        return tuple(found)
    if not found and exit_code_decides:
        return (Scenario("the command", PrTestResult.PASS),)
    return tuple(found)
