"""One conversation's usage by day, from its files: each is read once, and further when it grows.

The same files always give the same figures, so losing the cache loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from fleetscripts.adapters.sessions import transcripts
from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.core.spending.tokens import NONE, Tokens, tokens_of

VERSION = 1
Days = dict[str, Tokens]
Fold = Callable[[dict[str, Any], Mapping[str, Any]], tuple[dict[str, Any], Tokens]]
"""From a file's state and one more record: the new state, and the additional usage."""


def used_by_day(
    fleet_home: Path, conversation: Path, files: Iterable[Path], mark: bytes, fold: Fold, zone: tzinfo
) -> Days:
    """The usage in these files, including those deleted since. ``mark``: text in each line that reports usage."""
    place = conversation.with_suffix(".usage")
    remembered = transcripts.recall(fleet_home, place).summary
    known: dict[str, Any] = remembered.get("files", {}) if remembered.get("version") == VERSION else {}
    after = {**known, **{str(file): _read(file, known.get(str(file), {}), mark, fold, zone) for file in files}}
    if after != known:
        summary = {"version": VERSION, "files": after}
        transcripts.remember(fleet_home, place, transcripts.SavedCursor(transcripts.Cursor(), summary))
    found: Days = {}
    for one in after.values():
        for day, used in one.get("days", {}).items():
            found[day] = found.get(day, NONE).plus(tokens_of(used))
    return found


def _read(file: Path, known: dict[str, Any], mark: bytes, fold: Fold, zone: tzinfo) -> dict[str, Any]:
    """One file's state, with its new lines."""
    while True:
        cursor = transcripts.Cursor(*known.get("cursor", ()))
        reading = transcripts.read_new(file, cursor, whole=True)
        if reading is None or reading.cursor == cursor:
            return known
        days: Days = {} if reading.restarted else {day: tokens_of(used) for day, used in known["days"].items()}
        state: dict[str, Any] = {} if reading.restarted else known["state"]
        for line in reading.lines:
            record = parse_line(line) if mark in line else None
            if record is not None:
                state, more = fold(state, record)
                if more != NONE:
                    day = _day(record, zone) or max(days, default="")
                    days[day] = days.get(day, NONE).plus(more)
        cursor = reading.cursor
        known = {"cursor": [cursor.offset, cursor.inode, cursor.seal], "days": _lists(days), "state": state}


def _lists(days: Days) -> dict[str, list[int]]:
    """As they are read back."""
    return {day: list(used) for day, used in days.items()}


def _day(record: Mapping[str, Any], zone: tzinfo) -> str:
    """The day of a record, empty if it has no time."""
    stamp = record.get("timestamp")
    try:
        return f"{datetime.fromisoformat(stamp).astimezone(zone):%Y-%m-%d}" if isinstance(stamp, str) else ""
    except (ValueError, OverflowError):
        return ""
