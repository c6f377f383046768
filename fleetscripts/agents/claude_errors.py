"""How a turn of Claude Code failed: usage limits and API errors, from the record's own fields, else from its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fleetscripts.dataclass import dataclass
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
    (re.compile(r"[Cc]redit balance (?:is )?too low|Usage credits required"), ErrorKind.BILLING),
    (re.compile(r"\b529\b|Overloaded"), ErrorKind.OVERLOADED),
    (re.compile(r"API Error: 5\d\d\b|Internal server error"), ErrorKind.SERVER),
)
_TOLD_BY_WORDS = frozenset({ErrorKind.CONTEXT, ErrorKind.BILLING})
"""Kinds that are recorded under another one's name."""

_WALL = re.compile(
    r"^(?:You['’]ve (?:hit|reached) your |You['’]re out of (?:usage credits|extra usage)|Your org is out of usage"
    r"|Your seat type doesn['’]t include (?:extra )?usage|Your usage allocation has been disabled"
    r"|Your group['’]s usage limit is set to|This service is disabled for your org|Usage is paused for your org"
    r"|(?:Fable|Haiku|Mythos|Opus|Sonnet)\b.{0,40} requires usage credits|Spending cap reached"
    r"|[\w -]{1,24} limit reached\b|Claude (?:AI )?usage limit reached)"
)
"""How the clients' own refusals begin, 1.0.128 to 2.1.332."""

_WALLED = frozenset({"usage_limit_reached", "model_requires_usage_credits"})
"""``apiError`` of such a refusal, in the releases that write one."""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """How a turn ended: at a usage limit, or on some kind of error. ``limit``: the usage window that refused, in the
    client's words; empty if not named."""

    state: PaneState
    reason: str
    error: ErrorKind | None = None
    resets_at: float | None = None
    limit: str = ""


def death_of(record: Mapping[str, Any], text: str) -> TurnEnd:
    """The meaning of an error record; ``text`` is what the client shows the user for it."""
    shown = text.strip().split("\n")[0][:120]
    if _is_wall(record, shown):
        reason = f"the transcript ends at a usage limit: {shown}"
        return TurnEnd(PaneState.RATE_LIMITED, reason, resets_at=_resets(record), limit=_limit(record))
    kind = error_kind(record.get("error"), shown)
    return TurnEnd(PaneState.API_ERROR, f"the transcript says the turn died: {shown}", kind)


def error_kind(name: object, text: str) -> ErrorKind:
    """The kind of an API error by its name, else by its text."""
    for pattern, kind in _WORDED:
        if kind in _TOLD_BY_WORDS and pattern.search(text):
            return kind
    if isinstance(name, str) and name in NAMED:
        return NAMED[name]
    return next((kind for pattern, kind in _WORDED if pattern.search(text)), ErrorKind.OTHER)


def _is_wall(record: Mapping[str, Any], shown: str) -> bool:
    return record.get("apiError") in _WALLED or bool(_WALL.match(shown))


def _resets(record: Mapping[str, Any]) -> float | None:
    """Unix seconds, from the fields that current clients write; older ones have it in their text alone."""
    for info in _infos(record):
        for name in ("resetsAt", "overageResetsAt"):
            at = info.get(name)
            if isinstance(at, int | float) and not isinstance(at, bool):
                return float(at)
    return None


def _limit(record: Mapping[str, Any]) -> str:
    named = (info.get("rateLimitType") for info in _infos(record))
    return next((name for name in named if isinstance(name, str) and name), "")


def _infos(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the server said of the limit, as far as the client recorded it."""
    parameters = record.get("apiErrorParams")
    found = [record.get("quotaLimits"), parameters.get("rate_limit_info") if isinstance(parameters, Mapping) else None]
    return [info for info in found if isinstance(info, Mapping)]
