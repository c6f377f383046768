"""This machine's time zone, in which clients give times of day."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, tzinfo


class _LocalZone(tzinfo):
    """The zone, looked up on first use: that reads files, and few screens show a time."""

    def __init__(self) -> None:
        self._found: tzinfo | None = None

    @property
    def _zone(self) -> tzinfo:
        self._found = self._found or _look_up()
        return self._found

    def utcoffset(self, when: datetime | None, /) -> timedelta | None:
        return self._zone.utcoffset(when)

    def dst(self, when: datetime | None, /) -> timedelta | None:
        return self._zone.dst(when)

    def tzname(self, when: datetime | None, /) -> str | None:
        return self._zone.tzname(when)

    def fromutc(self, when: datetime, /) -> datetime:
        return self._zone.fromutc(when.replace(tzinfo=self._zone)).replace(tzinfo=self)


def local_zone() -> tzinfo:
    """The zone by its name, so that later clock changes apply; else its present offset."""
    return _LocalZone()


def _look_up() -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = os.environ.get("TZ", "").lstrip(":")
    if not name:
        name = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name) if name else _present_offset()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _present_offset()


def _present_offset() -> tzinfo:
    return datetime.fromtimestamp(time.time()).astimezone().tzinfo or UTC
