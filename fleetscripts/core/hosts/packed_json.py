"""JSON sent to a host as a call's input: compressed, and bounded on both ends."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from fleetscripts.errors import FleetError

MOST_PACKED = 300_000
"""Bytes of one message, well below the limit of a call's input."""

MOST_BYTES = 32 << 20


def packed_json(value: object) -> bytes:
    """The value, compressed."""
    return zlib.compress(json.dumps(value, allow_nan=False).encode(), 6)


def unpacked_json(content: bytes) -> Any:
    """The value again; raises FleetError if it is invalid or too large."""
    try:
        reader = zlib.decompressobj()
        plain = reader.decompress(content, MOST_BYTES)
        if reader.unconsumed_tail or not reader.eof:
            raise FleetError(f"expected {MOST_BYTES} bytes or less, found more, or an end that is missing")
        return json.loads(plain, parse_constant=_no_constant)
    except (zlib.error, ValueError, RecursionError) as error:
        raise FleetError(f"expected packed JSON, found something else ({error})") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def in_messages(entries: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The entries in lists that fit one message each. One that is too long by itself gets its own list."""
    listed: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        more = len(packed_json(entry))
        if listed and size + more > MOST_PACKED:
            yield listed
            listed, size = [], 0
        listed.append(entry)
        size += more
    if listed:
        yield listed
