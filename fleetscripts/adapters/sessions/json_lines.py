"""Parses one JSON object written by a client.

Transcripts grow to many MB, so a fast parser is used; agents can write them too, so nesting deeper than any client's is
rejected."""

from __future__ import annotations

from typing import Any

from fleetscripts.adapters.records.json_files import decode

MOST_DEPTH = 100
"""Nested objects and lists; walking or writing a record again must not exhaust the stack."""


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The object on the line; None for a half-written line or anything that is no object."""
    try:
        record = decode(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or (line.count(b"[") + line.count(b"{") > MOST_DEPTH and _is_too_deep(record)):
        return None
    return record


def _is_too_deep(record: object) -> bool:
    level = [record]
    for _ in range(MOST_DEPTH):
        level = [member for holder in level for member in _members(holder) if isinstance(member, dict | list)]
        if not level:
            return False
    return True


def _members(holder: object) -> Any:
    return holder.values() if isinstance(holder, dict) else holder
