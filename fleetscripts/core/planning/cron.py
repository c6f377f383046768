"""When a five-field cron expression next comes due: minute, hour, day of the month, month, day of the week."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MOST_DAYS = 5 * 366


def next_time(expression: str, after: float, zone: tzinfo) -> float | None:
    """The first instant later than ``after``, in Unix seconds; None for an invalid expression, or one that never comes
    due."""
    fields = expression.split()
    if len(fields) != len(_RANGES):
        return None
    sets = [_values(field, low, high) for field, (low, high) in zip(fields, _RANGES, strict=True)]
    if not all(sets):
        return None
    minutes, hours, days, months, weekdays = (found or frozenset() for found in sets)
    weekdays = frozenset(day % 7 for day in weekdays)
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    start = datetime.fromtimestamp(after, zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
    for ahead in range(_MOST_DAYS):
        day = (start + timedelta(days=ahead)).date()
        on_day, on_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        fits = (on_day or on_weekday) if either else (on_day and on_weekday)
        if day.month not in months or not fits:
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
                if at > after:
                    return at
    return None


def _values(field: str, low: int, high: int) -> frozenset[int] | None:
    """The numbers that a field names; None if invalid."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            ends = (low, high)
        elif first.isdecimal() and (last.isdecimal() or not dash):
            ends = (int(first), int(last) if dash else high if step else int(first))
        else:
            return None
        if (step and not (step.isdecimal() and int(step))) or not low <= ends[0] <= ends[1] <= high:
            return None
        found |= set(range(ends[0], ends[1] + 1, int(step or 1)))
    return frozenset(found)
