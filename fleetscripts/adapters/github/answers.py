"""Parses the output of ``gh api --include``. Anything not understood is a problem too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.github.github_query import MAY_BE_REFUSED
from fleetscripts.adapters.github.rate_limits import limit_in, limit_in_words, server_time, used_up_by
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

_UNKNOWN_FIELD = pattern(r"doesn't exist on type|Cannot query field|No such type|Unknown type")
"""The words of a server older than a query."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """``data``, or the ``problem`` that prevented all of it. ``problems``: of single parts, by the alias under which
    they were queried."""

    data: Mapping[str, Any] = field(default_factory=dict)
    problem: GitHubProblem | None = None
    problems: Mapping[str, GitHubProblem] = field(default_factory=dict)
    limit: GitHubProblem | None = None
    """The limit that the next query would meet."""
    server_time: float | None = None
    """By GitHub's clock."""


def answer_in(code: int, stdout: bytes, stderr: bytes, now: float) -> ApiAnswer:
    """The output of ``gh api --include`` parsed; what is not understood is a problem."""
    status, headers, body = _split(stdout)
    words = stderr.decode("utf-8", "replace").strip()
    if status is None:
        return ApiAnswer(problem=problem_in_words(code, words, now))
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    is_json = isinstance(answer, dict)
    text = words if is_json else body.decode("utf-8", "replace") + "\n" + words
    limit = limit_in(status, headers, answer, text, now, is_json=is_json)
    if limit is not None:
        return ApiAnswer(problem=limit, limit=limit)
    if status == 401:
        return ApiAnswer(problem=GitHubProblem(ProblemKind.LOGIN, "GitHub refuses gh's login: run 'gh auth login'"))
    if status != 200:
        kind = ProblemKind.FAILED if status >= 500 else ProblemKind.UNEXPECTED
        return ApiAnswer(problem=GitHubProblem(kind, f"GitHub answered {status}"))
    if not isinstance(answer, dict):
        return ApiAnswer(problem=GitHubProblem(ProblemKind.FAILED, "GitHub's answer was not JSON"))
    found = _graphql_answer(answer.get("data"), answer.get("errors"))
    return replace(found, limit=used_up_by(status, headers, now), server_time=server_time(headers))


def problem_in_words(code: int, words: str, now: float) -> GitHubProblem:
    """The problem in gh's own words."""
    return limit_in_words(words, now) or _without_answer(code, words)


def _graphql_answer(data: object, errors: object) -> ApiAnswer:
    """Data counts only without errors; an error that names one part of the data invalidates that part alone."""
    if not errors:
        if isinstance(data, dict):
            return ApiAnswer(data)
        return ApiAnswer(problem=GitHubProblem(ProblemKind.UNEXPECTED, "GitHub's answer held no data"))
    listed = [error for error in (errors if isinstance(errors, list) else [errors]) if not _may_be_missing(error)]
    if not listed and isinstance(data, dict):
        return ApiAnswer(data)
    listed = listed or [errors]
    parts = [_part_of(error) for error in listed]
    if not isinstance(data, dict) or not all(part in data for part in parts):
        return ApiAnswer(problem=_graphql_problem(listed[0]))
    return ApiAnswer(data, problems={part: _graphql_problem(error) for part, error in zip(parts, listed, strict=True)})


def _may_be_missing(error: object) -> bool:
    """Whether only fields were refused that some logins may not read."""
    path = error.get("path") if isinstance(error, dict) else None
    return isinstance(path, list) and not MAY_BE_REFUSED.isdisjoint(map(str, path))


def _part_of(error: object) -> str:
    path = error.get("path") if isinstance(error, dict) else None
    return path[0] if isinstance(path, list) and path and isinstance(path[0], str) else ""


def _split(stdout: bytes) -> tuple[int | None, Mapping[str, str], bytes]:
    """Status, headers and body of the output of ``gh api --include``."""
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


def _graphql_problem(error: object) -> GitHubProblem:
    said = error if isinstance(error, dict) else {}
    message = str(said.get("message") or "no message")[:200]
    if said.get("type") == "NOT_FOUND":
        return GitHubProblem(ProblemKind.NOT_FOUND, message)
    kind = ProblemKind.UNKNOWN_FIELD if _UNKNOWN_FIELD.search(message) else ProblemKind.UNEXPECTED
    return GitHubProblem(kind, f"GitHub reported an error: {message}")
