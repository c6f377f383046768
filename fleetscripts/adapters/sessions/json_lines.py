"""Parses one JSON object written by a client.

Transcripts grow to many MB, so a fast parser is used; agents can write them too, so nesting deeper than any client's is
rejected."""

from __future__ import annotations

import json
from typing import Any

import orjson

MOST_DEPTH = 100
"""Nested objects and lists; walking or writing a record again must not exhaust the stack."""


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The object on the line; None for a half-written line or anything that is no object."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = _leniently(line)
    if not isinstance(record, dict) or (line.count(b"[") + line.count(b"{") > MOST_DEPTH and _is_too_deep(record)):
        return None
    return record


def _leniently(line: bytes) -> object:
    """For what JavaScript writes and the fast parser refuses: half a surrogate pair, cut out of a longer text."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_too_deep(record: object) -> bool:
    level = [record]
    for _ in range(MOST_DEPTH):
        level = [member for holder in level for member in _members(holder) if isinstance(member, dict | list)]
        if not level:
            return False
    return True


def _members(holder: object) -> Any:
    return holder.values() if isinstance(holder, dict) else holder
