"""Recognises GitHub's rate limits in every form: status, headers, error types or words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.pattern import pattern

SECONDARY_WAIT_SECONDS = 180
"""GitHub asks for "a few minutes" without a time; one minute is often not enough, three are."""
PRIMARY_WAIT_SECONDS = 3600
"""The primary limit's window, if the answer does not say when it ends."""
SHORTEST_WAIT_SECONDS = 60
"""For an end that is past by our clock."""
LONGEST_WAIT_SECONDS = 2 * 3600
"""No limit of GitHub's lasts longer than an hour; clocks may differ."""

_CODE = pattern(r"rate_?limit|abuse|too_?many_?requests", re.IGNORECASE)
"""In an error's ``type`` or ``code``: ``RATE_LIMIT``, ``RATE_LIMITED``, ``graphql_rate_limit``, ``abuse``."""
_WORDS = pattern(
    r"(?:secondary|api|primary) rate[ -]?limit|rate[ -]?limit\w* (?:already )?(?:exceeded|reached|hit)"
    r"|exceeded [^\n]{0,40}rate[ -]?limit|abuse detection|submitted too quickly|too many requests",
    re.IGNORECASE,
)
_SECONDARY = pattern(r"secondary|abuse|too quickly", re.IGNORECASE)


def limit_in(
    status: int, headers: Mapping[str, str], answer: object, text: str, now: float, *, is_json: bool
) -> GitHubProblem | None:
    """The limit that this answer reports, if any. ``text`` is the body of an answer that is not JSON, and gh's own
    words; never content of a pull request."""
    said = [*_messages(answer), *([text] if status >= 400 or not is_json else [])]
    codes = [str(code) for code in _codes(answer)]
    words = "\n".join(said)
    told = any(map(_CODE.search, codes)) or _WORDS.search(words) is not None
    refused = status in (403, 429)
    used_up = headers.get("x-ratelimit-remaining") == "0" and (status >= 400 or _has_errors(answer))
    told_to_wait = "retry-after" in headers and (refused or status == 503)
    if not (told or used_up or told_to_wait or status == 429):
        return None
    secondary = any(map(_SECONDARY.search, [words, *codes])) or (told_to_wait and not used_up)
    if secondary or (status == 429 and not used_up and not told):
        wait = max(_retry_after(headers, now), float(SECONDARY_WAIT_SECONDS))
        return _limited(ProblemKind.SECONDARY_LIMIT, "GitHub's secondary rate limit", now + wait, now)
    reset = _reset_at(headers, now)
    until = now + PRIMARY_WAIT_SECONDS if reset is None else max(reset, now + SHORTEST_WAIT_SECONDS)
    return _limited(ProblemKind.PRIMARY_LIMIT, "GitHub's rate limit", until, now)


def used_up_by(status: int, headers: Mapping[str, str], now: float) -> GitHubProblem | None:
    """The limit that the next query would meet, if this answer was the last one allowed."""
    reset = _reset_at(headers, now)
    if status != 200 or headers.get("x-ratelimit-remaining") != "0" or reset is None or reset <= now:
        return None
    return _limited(ProblemKind.PRIMARY_LIMIT, "GitHub's rate limit", reset, now)


def limit_in_words(words: str, now: float) -> GitHubProblem | None:
    """The limit that gh itself reports without showing an answer."""
    if not _WORDS.search(words):
        return None
    if _SECONDARY.search(words):
        return _limited(ProblemKind.SECONDARY_LIMIT, "GitHub's secondary rate limit", now + SECONDARY_WAIT_SECONDS, now)
    return _limited(ProblemKind.PRIMARY_LIMIT, "GitHub's rate limit", now + PRIMARY_WAIT_SECONDS, now)


def seconds_in(text: str | None) -> float | None:
    """A header's whole number."""
    return float(text) if text and re.fullmatch(r"\d{1,12}", text) else None


def server_time(headers: Mapping[str, str]) -> float | None:
    """The answer's time by GitHub's clock."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return None


def _reset_at(headers: Mapping[str, str], now: float) -> float | None:
    """When the limit ends, by our clock: the header is by GitHub's."""
    reset = seconds_in(headers.get("x-ratelimit-reset"))
    return None if reset is None else reset - (server_time(headers) or now) + now


def _retry_after(headers: Mapping[str, str], now: float) -> float:
    """In seconds, in any of its forms; 0 if it is not understood."""
    text = headers.get("retry-after", "")
    number = seconds_in(text)
    if number is not None:
        return number
    try:
        return parsedate_to_datetime(text).timestamp() - (server_time(headers) or now)
    except (TypeError, ValueError):
        return 0.0


def _limited(kind: ProblemKind, what: str, until: float, now: float) -> GitHubProblem:
    return GitHubProblem(kind, f"{what} is reached", min(until, now + LONGEST_WAIT_SECONDS))


def _errors(answer: object) -> Iterator[Mapping[str, object]]:
    """The errors of an answer, or the answer itself if it is one; "not found" is no limit."""
    if not isinstance(answer, dict):
        return
    listed = answer.get("errors")
    everything = [answer, *(listed if isinstance(listed, list) else [listed])]
    yield from (one for one in everything if isinstance(one, dict) and one.get("type") != "NOT_FOUND")


def _has_errors(answer: object) -> bool:
    return isinstance(answer, dict) and any(error is not answer for error in _errors(answer))


def _messages(answer: object) -> Iterator[str]:
    for error in _errors(answer):
        if isinstance(error.get("message"), str):
            yield str(error["message"])


def _codes(answer: object) -> Iterator[object]:
    for error in _errors(answer):
        extensions = error.get("extensions")
        places = [error, extensions] if isinstance(extensions, dict) else [error]
        yield from (place[name] for place in places for name in ("type", "code") if place.get(name))
