"""When a repeated task begins again: some time after its last start, or by a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from fleetscripts.core.planning.cron import next_time
from fleetscripts.pattern import pattern

SECONDS = {"m": 60, "h": 3600}
DAYS = {"d": 1, "w": 7}
_SPAN = pattern(r"([1-9][0-9]{0,4})([mhdw])")


def is_period(text: str) -> bool:
    """Whether it is a span like ``90m``, ``12h``, ``1d`` or ``2w``, or a cron expression of five fields that ever comes
    due."""
    return bool(_SPAN.fullmatch(text)) or next_time(text, 0.0, UTC) is not None


def due_at(every: str, last: float, now: float, zone: tzinfo) -> float:
    """When the next one begins, Unix seconds, after one that began at ``last``: once, however many were missed. Days
    and weeks are calendar ones, so that the time of day stays. A ``last`` ahead of the clock counts as now."""
    last = min(last, now)
    span = _SPAN.fullmatch(every)
    if span is None:
        return next_time(every, last, zone) or last
    count, unit = int(span[1]), span[2]
    if unit in SECONDS:
        return last + count * SECONDS[unit]
    wall = datetime.fromtimestamp(last, zone).replace(tzinfo=None) + timedelta(days=count * DAYS[unit])
    return wall.replace(tzinfo=zone).timestamp()
