"""One line of a client's JSON Lines file. Transcripts grow to many MB, so a fast parser reads them."""

from __future__ import annotations

import json
from typing import Any

import orjson


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The object on the line; None for a half-written line or anything that is no object."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = _leniently(line)
    return record if isinstance(record, dict) else None


def _leniently(line: bytes) -> object:
    """What JavaScript writes and the fast parser refuses: half of a surrogate pair, cut out of a longer text."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
