"""Errors caused by the user or the environment: one sentence each, with an exit code."""

from __future__ import annotations

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO = 3
EXIT_PENDING = 8


class FleetError(Exception):
    """A failure; the message says what was expected, what was found, what to do."""

    exit_code = EXIT_FAILED


class ClientEnded(FleetError):
    """A client ended during its start. ``shown``: its last screen, as one line."""

    def __init__(self, message: str, shown: str) -> None:
        super().__init__(message)
        self.shown = shown


class UsageProblem(FleetError):
    """The call's arguments, or a file it names, are invalid."""

    exit_code = EXIT_USAGE


class Refusal(FleetError):
    """The answer is no: not complete, no spare, not safe to type."""

    exit_code = EXIT_NO


class NotYet(FleetError):
    """Not yet: ask again later."""

    exit_code = EXIT_PENDING
