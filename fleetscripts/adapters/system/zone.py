"""This machine's time zone, in which clients name times of day."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, tzinfo


def local_zone() -> tzinfo:
    """The zone by its name, so that a later change of the clocks counts; else its present offset."""
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
