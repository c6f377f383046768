"""Codex's usage windows, from its rollout's ``token_count`` records. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fleetscripts.usage import FIVE_HOUR, WEEKLY

LONGEST_SESSION_MINUTES = 360
SHORTEST_WEEK_MINUTES = 6 * 24 * 60

Windows = dict[str, dict[str, float]]


def limits_in(records: Sequence[Mapping[str, Any]]) -> tuple[Windows, float]:
    """The newest figures, in the form of Claude Code's status line, and when they were written. A window is identified
    by its length: which of the two comes first depends on the plan."""
    for record in reversed(records):
        payload = record.get("payload")
        limits = payload.get("rate_limits") if isinstance(payload, Mapping) else None
        at = _time(record.get("timestamp"))
        if isinstance(limits, Mapping) and at:
            found = (_window(limits.get(part), part, at) for part in ("primary", "secondary"))
            windows = {name: figures for name, figures in found if figures}
            if windows:
                return windows, at
    return {}, 0.0


def _window(given: object, part: str, at: float) -> tuple[str, dict[str, float]]:
    if not isinstance(given, Mapping):
        return part, {}
    minutes, used = _number(given.get("window_minutes")), _number(given.get("used_percent"))
    name = FIVE_HOUR if part == "primary" else WEEKLY
    if minutes is not None:
        name = FIVE_HOUR if minutes <= LONGEST_SESSION_MINUTES else WEEKLY if minutes >= SHORTEST_WEEK_MINUTES else part
    resets_at, left = _number(given.get("resets_at")), _number(given.get("resets_in_seconds"))
    if resets_at is None and left is not None:
        resets_at = at + left
    return name, {} if used is None or resets_at is None else {"used_percentage": used, "resets_at": resets_at}


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(stamp: object) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else 0.0
    except ValueError:
        return 0.0
