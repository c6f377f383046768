"""The problems that can keep us from an answer by GitHub."""

from __future__ import annotations

from enum import StrEnum

from fleetscripts.errors import FleetError
from fleetscripts.pull_request import PullKey


class ProblemKind(StrEnum):
    MISSING = "missing"
    LOGIN = "login"
    PRIMARY_LIMIT = "primary_limit"
    SECONDARY_LIMIT = "secondary_limit"
    NETWORK = "network"
    FAILED = "failed"
    """GitHub answered with a server error (5xx)."""
    NOT_FOUND = "not_found"
    CHANGING = "changing"
    UNKNOWN_FIELD = "unknown field"
    UNEXPECTED = "unexpected"


LIMITS = frozenset({ProblemKind.PRIMARY_LIMIT, ProblemKind.SECONDARY_LIMIT})


class GitHubProblem(FleetError):
    """GitHub could not be asked. ``until``: when to retry, Unix seconds, if a limit says so."""

    def __init__(self, kind: ProblemKind, message: str, until: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.until = until

    def about(self, key: PullKey) -> GitHubProblem:
        """The same problem, about one pull request."""
        text = str(self)
        return self if str(key) in text else GitHubProblem(self.kind, f"{key}: {text}", self.until)
