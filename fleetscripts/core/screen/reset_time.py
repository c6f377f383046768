"""Parses the instant at which a usage limit resets from the client's words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from fleetscripts.pattern import pattern

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# A five-hour window ends at most five hours after any moment inside it; minutes are for clocks that differ.
_SESSION_WINDOW = timedelta(hours=5, minutes=15)
# A bare time of day that has just passed is the last reset, not tomorrow's.
_JUST_GONE = timedelta(hours=2)
# Dates come without their year: the nearest one, and a reset is seldom long past.
_LONG_GONE = timedelta(days=60)

_EPOCH = pattern(r"limit reached\|(\d{10})(\d{3})?(?!\d)")
_LEAD = pattern(r"(?:\bresets?\b|\btry again\b|\bautomatically\b|\bavailable again\b|\bwait until\b)", re.I)
_ZONE = pattern(r"^[ ,]{0,3}\(([A-Za-z][A-Za-z0-9_+/-]{1,40})\)")
_OFFSET = pattern(
    r"^(?::\d{2}(?:\.\d{1,9})?)?(?: ?\()?(?P<utc>Z\b|UTC|GMT)?"
    r"(?:(?P<sign>[+\-−])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?)?(?=\W|$)",
    re.I,
)
"""``(GMT+2)``, ``(+05:30)``, and what ends an ISO time."""
_CLOCK = pattern(
    r"(?<![\d:])(\d{1,2})(?::(\d{2}))?(?::\d{2})? ?([ap])\.?m\b\.?|(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)\b", re.I
)
_MONTH_DAY = pattern(rf"\b({'|'.join(MONTHS)})[a-z]{{0,6}}\.? (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?\b", re.I)
_DAY_MONTH = pattern(rf"\b(\d{{1,2}})(?:st|nd|rd|th)? ({'|'.join(MONTHS)})[a-z]{{0,6}}\.?(?:,? (\d{{4}}))?\b", re.I)
_ISO = pattern(r"\b(\d{4})-(\d{2})-(\d{2})(?!\d)")
_WEEKDAY = pattern(rf"\b({'|'.join(DAYS)})[a-z]{{0,6}}\b", re.I)
_TOMORROW = pattern(r"\btomorrow\b", re.I)
_SPAN = pattern(r"(\d{1,3}) ?(d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])", re.I)
_SPAN_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SESSION = pattern(r"5[- ]hour|five[- ]hour|\bsession\b", re.I)

_BLANKS = pattern("[\u00a0\u2007\u2009\u202f]")
"""Blanks that some systems put between a time and its AM or PM."""

_READ_CHARACTERS = 80


def reset_instant(text: str, now: float, zone: tzinfo) -> float | None:
    """Unix seconds of the reset that a limit text names; None if it names none.

    ``zone`` is the reader's time zone, used if the text names none. ``now``: when the text was on the screen."""
    text = _BLANKS.sub(" ", text)
    if epoch := _EPOCH.search(text):
        return float(epoch[1])
    for lead in _LEAD.finditer(text):
        part = text[lead.end() : lead.end() + _READ_CHARACTERS]
        found = _span(part, now)
        if found is None:
            found = _moment(part, now, zone, session=bool(_SESSION.search(text[: lead.start()])))
        if found is not None:
            return found
    return None


def _span(part: str, now: float) -> float | None:
    """``in 2 hours 5 minutes``."""
    if not re.match(r"[ :]{0,3}in ", part):
        return None
    spans = list(_SPAN.finditer(part.split(".")[0]))
    if not spans:
        return None
    return now + sum(int(span[1]) * _SPAN_SECONDS[span[2][0].lower()] for span in spans)


def _moment(part: str, now: float, zone: tzinfo, *, session: bool) -> float | None:
    clock = _CLOCK.search(part)
    zone = _named_zone(part[clock.end() :] if clock else part) or zone
    here = datetime.fromtimestamp(now, zone)
    at = _time(clock) if clock else time(0)
    day = _day(part[: clock.start()] if clock else part, here, at)
    if at is None or (day is None and clock is None):
        return None
    if day is not None:
        return _instant(day, at, zone, now)
    return _nearest(here, at, zone, session=session)


def _time(clock: re.Match[str]) -> time | None:
    if clock[4]:
        return time(int(clock[4]), int(clock[5]))
    hour, minute = int(clock[1]), int(clock[2] or 0)
    if not 1 <= hour <= 12 or minute > 59:
        return None
    return time(hour % 12 + (12 if clock[3].lower() == "p" else 0), minute)


def _named_zone(rest: str) -> tzinfo | None:
    offset = _OFFSET.match(rest)
    if offset and offset["sign"] and int(offset["hours"]) <= 14:
        ahead = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        return timezone(ahead if offset["sign"] == "+" else -ahead)
    if offset and offset["utc"]:
        return UTC
    named = _ZONE.match(rest)
    if named is None:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(named[1])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _day(part: str, here: datetime, at: time | None) -> date | None:
    if iso := _ISO.search(part):
        return _date(int(iso[1]), int(iso[2]), int(iso[3]))
    if named := _MONTH_DAY.search(part):
        return _dated(named[1], named[2], named[3], here)
    if named := _DAY_MONTH.search(part):
        return _dated(named[2], named[1], named[3], here)
    if _TOMORROW.search(part):
        return here.date() + timedelta(days=1)
    if weekday := _WEEKDAY.search(part):
        ahead = (DAYS.index(weekday[1].lower()) - here.weekday()) % 7
        gone = ahead == 0 and at is not None and here.replace(tzinfo=None) - _JUST_GONE > datetime.combine(here, at)
        return here.date() + timedelta(days=7 if gone else ahead)
    return None


def _dated(month: str, day: str, year: str | None, here: datetime) -> date | None:
    number = MONTHS.index(month.lower()[:3]) + 1
    if year:
        return _date(int(year), number, int(day))
    found = _date(here.year, number, int(day))
    if found is not None and found < here.date() - _LONG_GONE:
        return _date(here.year + 1, number, int(day))
    return found


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _nearest(here: datetime, at: time, zone: tzinfo, *, session: bool) -> float:
    """A bare time of day: for a five-hour window the last one not beyond it, else the next one or one just past."""
    now = here.timestamp()
    days = [here.date() + timedelta(days=ahead) for ahead in (-1, 0, 1, 2)]
    instants = [_instant(day, at, zone, now) for day in days]
    if session:
        reachable = [instant for instant in instants if instant <= now + _SESSION_WINDOW.total_seconds()]
        return reachable[-1]
    return next(instant for instant in instants if instant >= now - _JUST_GONE.total_seconds())


def _instant(day: date, at: time, zone: tzinfo, now: float) -> float:
    """Unix seconds of a local time. One that a clock change skips counts as if the clock had not changed; one that
    occurs twice is the first, unless that is past."""
    first, second = (datetime.combine(day, at.replace(fold=fold), tzinfo=zone).timestamp() for fold in (0, 1))
    return second if first < now <= second else first
