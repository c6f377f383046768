"""Why GitHub could not be asked, read from what ``gh`` printed. Anything not understood is a problem too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fleetscripts.errors import FleetError
from fleetscripts.pull_request import PullKey

SECONDARY_WAIT_SECONDS = 180
"""GitHub asks for "a few minutes" and gives no time; one minute is often not enough, three are."""
PRIMARY_WAIT_SECONDS = 3600
"""The primary limit's window, for when the answer does not say when it ends."""


class ProblemKind(StrEnum):
    """What stands between us and an answer."""

    MISSING = "missing"
    LOGIN = "login"
    PRIMARY_LIMIT = "primary_limit"
    SECONDARY_LIMIT = "secondary_limit"
    NETWORK = "network"
    FAILED = "failed"
    """GitHub answered that it could not answer (a 5xx)."""
    NOT_FOUND = "not_found"
    CHANGING = "changing"
    UNEXPECTED = "unexpected"


LIMITS = frozenset({ProblemKind.PRIMARY_LIMIT, ProblemKind.SECONDARY_LIMIT})


class GitHubProblem(FleetError):
    """GitHub could not be asked. ``until``: when to try again, Unix seconds, where a limit says so."""

    def __init__(self, kind: ProblemKind, message: str, until: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.until = until

    def about(self, key: PullKey) -> GitHubProblem:
        """The same problem, said of one pull request."""
        text = str(self)
        return self if str(key) in text else GitHubProblem(self.kind, f"{key}: {text}", self.until)


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub said: ``data``, or the ``problem`` that stood in the way of all of it. ``problems``: of single parts,
    by the alias under which they were asked for."""

    data: Mapping[str, Any] = field(default_factory=dict)
    problem: GitHubProblem | None = None
    problems: Mapping[str, GitHubProblem] = field(default_factory=dict)


def answer_in(code: int, stdout: bytes, stderr: bytes, now: float) -> Answer:
    """What ``gh api --include`` printed, understood; whatever is not understood is a problem."""
    status, headers, body = _split(stdout)
    words = stderr.decode("utf-8", "replace").strip()
    if status is None:
        return Answer(problem=_without_answer(code, words))
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    text = body.decode("utf-8", "replace") + "\n" + words
    limit = _limit(status, headers, answer, text, now)
    if limit is not None:
        return Answer(problem=limit)
    if status == 401:
        return Answer(problem=GitHubProblem(ProblemKind.LOGIN, "GitHub refuses gh's login: run 'gh auth login'"))
    if status != 200:
        kind = ProblemKind.FAILED if status >= 500 else ProblemKind.UNEXPECTED
        return Answer(problem=GitHubProblem(kind, f"GitHub answered {status}"))
    if not isinstance(answer, dict):
        return Answer(problem=GitHubProblem(ProblemKind.UNEXPECTED, "GitHub's answer was not JSON"))
    return _graphql_answer(answer.get("data"), answer.get("errors"))


def _graphql_answer(data: object, errors: object) -> Answer:
    """Data counts only without errors; an error that names one part of the data spoils that part alone."""
    if not errors:
        if isinstance(data, dict):
            return Answer(data)
        return Answer(problem=GitHubProblem(ProblemKind.UNEXPECTED, "GitHub's answer held no data"))
    listed = errors if isinstance(errors, list) else [errors]
    parts = [_part_of(error) for error in listed]
    if not isinstance(data, dict) or not all(part in data for part in parts):
        return Answer(problem=_graphql_problem(listed[0]))
    return Answer(data, problems={part: _graphql_problem(error) for part, error in zip(parts, listed, strict=True)})


def _part_of(error: object) -> str:
    path = error.get("path") if isinstance(error, dict) else None
    return path[0] if isinstance(path, list) and path and isinstance(path[0], str) else ""


def _split(stdout: bytes) -> tuple[int | None, Mapping[str, str], bytes]:
    """Status, headers and body of what ``gh api --include`` prints."""
    head, separator, body = stdout.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *rest = head.decode("utf-8", "replace").split("\n")
    match = re.match(r"HTTP/[\d.]+ (\d{3})", first)
    if match is None or not separator:
        return None, {}, b""
    pairs = (line.partition(":") for line in rest)
    return int(match[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}, body


def _without_answer(code: int, words: str) -> GitHubProblem:
    first = words.splitlines()[0][:200] if words else f"gh ended with code {code} and said nothing"
    if "gh auth login" in words or "GH_TOKEN" in words or "authentication" in words.lower():
        return GitHubProblem(ProblemKind.LOGIN, "gh is not logged in: run 'gh auth login'")
    if re.search(r"dial |connect|lookup|network|timeout|EOF|no route|TLS", words):
        return GitHubProblem(ProblemKind.NETWORK, f"GitHub could not be reached: {first}")
    return GitHubProblem(ProblemKind.UNEXPECTED, f"gh failed: {first}")


def _limit(status: int, headers: Mapping[str, str], answer: object, text: str, now: float) -> GitHubProblem | None:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    types = {error.get("type") for error in errors if isinstance(error, dict)} if isinstance(errors, list) else set()
    code = answer.get("code") if isinstance(answer, dict) else None
    lowered = text.lower()
    secondary = code == "abuse" or "secondary rate limit" in lowered or "abuse detection" in lowered
    if status in (403, 429) and (secondary or "retry-after" in headers):
        wait = max(_number(headers.get("retry-after")) or 0.0, float(SECONDARY_WAIT_SECONDS))
        return _limited(ProblemKind.SECONDARY_LIMIT, "GitHub's secondary rate limit", now + wait)
    used_up = headers.get("x-ratelimit-remaining") == "0"
    if "RATE_LIMITED" in types or (status in (403, 429) and (used_up or "api rate limit exceeded" in lowered)):
        until = _number(headers.get("x-ratelimit-reset")) or now + PRIMARY_WAIT_SECONDS
        return _limited(ProblemKind.PRIMARY_LIMIT, "GitHub's rate limit", max(until, now + 1))
    if status == 429:
        return _limited(ProblemKind.SECONDARY_LIMIT, "GitHub's rate limit", now + SECONDARY_WAIT_SECONDS)
    return None


def _limited(kind: ProblemKind, what: str, until: float) -> GitHubProblem:
    return GitHubProblem(kind, f"{what} is reached", until)


def _graphql_problem(error: object) -> GitHubProblem:
    said = error if isinstance(error, dict) else {}
    message = str(said.get("message") or "no message")[:200]
    if said.get("type") == "NOT_FOUND":
        return GitHubProblem(ProblemKind.NOT_FOUND, message)
    return GitHubProblem(ProblemKind.UNEXPECTED, f"GitHub reported an error: {message}")


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,12}", text) else None
