"""How a turn of Claude Code died: usage walls and API errors, from the record's own fields, else from its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleetscripts.models import ErrorKind, PaneState

NAMED: Mapping[str, ErrorKind] = {
    "authentication_failed": ErrorKind.AUTH,
    "authentication_error": ErrorKind.AUTH,
    "oauth_org_not_allowed": ErrorKind.AUTH,
    "permission_error": ErrorKind.AUTH,
    "billing_error": ErrorKind.BILLING,
    "overloaded": ErrorKind.OVERLOADED,
    "overloaded_error": ErrorKind.OVERLOADED,
    "server_error": ErrorKind.SERVER,
    "api_error": ErrorKind.SERVER,
    "timeout_error": ErrorKind.SERVER,
}
"""``error`` of the record or of a StopFailure hook → kind."""

_WORDED: tuple[tuple[re.Pattern[str], ErrorKind], ...] = (
    (re.compile(r"[Pp]rompt is too long|Context limit reached|exceed context limit"), ErrorKind.CONTEXT),
    (re.compile(r"run /login|OAuth token|Not logged in|Invalid API key"), ErrorKind.AUTH),
    (re.compile(r"[Cc]redit balance (?:is )?too low"), ErrorKind.BILLING),
    (re.compile(r"\b529\b|Overloaded"), ErrorKind.OVERLOADED),
    (re.compile(r"API Error: 5\d\d\b|Internal server error"), ErrorKind.SERVER),
)
_WALL = re.compile(
    r"^You've hit your .{1,40} limit|^\S{1,20} limit reached|^Claude (?:AI )?usage limit reached|^Usage limit reached"
)


@dataclass(frozen=True, slots=True)
class Death:
    """How a turn ended: at a usage wall, or on an error of some kind."""

    state: PaneState
    reason: str
    error: ErrorKind | None = None
    resets_at: float | None = None


def death_of(record: Mapping[str, Any], text: str) -> Death:
    """What an error record says; ``text`` is what the client shows the user for it."""
    shown = text.strip().split("\n")[0][:120]
    if _is_wall(record, shown):
        reason = f"the transcript ends at a usage limit: {shown}"
        return Death(PaneState.RATE_LIMITED, reason, resets_at=_resets(record))
    kind = error_kind(record.get("error"), shown)
    return Death(PaneState.API_ERROR, f"the transcript says the turn died: {shown}", kind)


def error_kind(name: object, text: str) -> ErrorKind:
    """The kind of an API error by its name, else by its text."""
    for pattern, kind in _WORDED:
        if kind is ErrorKind.CONTEXT and pattern.search(text):
            return kind
    if isinstance(name, str) and name in NAMED:
        return NAMED[name]
    return next((kind for pattern, kind in _WORDED if pattern.search(text)), ErrorKind.OTHER)


def _is_wall(record: Mapping[str, Any], shown: str) -> bool:
    if record.get("apiError") == "usage_limit_reached":
        return True
    return record.get("error") in (None, "rate_limit", "unknown") and bool(_WALL.match(shown))


def _resets(record: Mapping[str, Any]) -> float | None:
    """Unix seconds, from the fields that today's client writes; older ones have it in their text alone."""
    parameters = record.get("apiErrorParams")
    limits = [record.get("quotaLimits"), parameters.get("rate_limit_info") if isinstance(parameters, Mapping) else None]
    for limit in limits:
        at = limit.get("resetsAt") if isinstance(limit, Mapping) else None
        if isinstance(at, int | float):
            return float(at)
    return None
