"""Reads a growing file of lines from where it stopped: never the whole file twice, never a half-written line."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import cache, encode, load
from fleetscripts.adapters.system.regular_file import open_regular
from fleetscripts.dataclass import dataclass

FIRST_TAIL_BYTES = 8 << 20
"""The first look reads this much of the end, enough to know the last turn."""
LARGEST_GAP_BYTES = 64 << 20
"""Further behind than this, reading restarts at the tail."""
MOST_AT_ONCE_BYTES = 64 << 20
"""Per call, for a file that is read from its beginning."""
MOST_LINES = 50_000
"""If lines are not read from the very beginning: with more, reading restarts at the last ones."""
SAVED_EVERY_BYTES = 1 << 16
SAVED_EVERY_SECONDS = 60.0
_SEAL_BYTES = 64
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")
_MOST_CURSORS = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading stopped. ``seal``: digest of the bytes before ``offset``, to detect a rewritten file."""

    offset: int = 0
    inode: int = 0
    seal: str = ""


@dataclass(frozen=True, slots=True)
class NewLines:
    """New whole lines. ``restarted``: they do not follow what was read before (first look, rotation, truncation)."""

    lines: tuple[bytes, ...]
    cursor: Cursor
    restarted: bool


@dataclass(frozen=True, slots=True)
class SavedCursor:
    """A cursor and its reader's state."""

    cursor: Cursor = field(default_factory=Cursor)
    summary: dict[str, Any] = field(default_factory=dict)


def read_new(path: Path, cursor: Cursor, *, whole: bool = False) -> NewLines | None:
    """The whole lines after the cursor; None if the file is missing, unreadable or compressed. ``whole``: from the very
    beginning if there is no cursor yet, and in parts: the next call continues."""
    try:
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            if file.read(6).startswith(_COMPRESSED):
                return None
            start = cursor.offset
            near = whole or status.st_size <= start + LARGEST_GAP_BYTES
            goes_on = cursor.inode == status.st_ino and start <= status.st_size and near
            restarted = not (goes_on and start and _seal(file, start) == cursor.seal)
            if restarted:
                start = 0 if whole else max(0, status.st_size - FIRST_TAIL_BYTES)
            file.seek(start)
            content = file.read(min(status.st_size - start, MOST_AT_ONCE_BYTES) if whole else status.st_size - start)
            complete = content.rfind(b"\n") + 1
            end = start + complete
            lines = content[:complete].split(b"\n")[:-1]
            if restarted and start:
                lines = lines[1:]
            lines = [line for line in lines if line]
            if not whole and len(lines) > MOST_LINES:
                lines, restarted = lines[-MOST_LINES:], True
            return NewLines(tuple(lines), Cursor(end, status.st_ino, _seal(file, end)), restarted)
    except OSError:
        return None


def recall(fleet_home: Path, path: Path) -> SavedCursor:
    """What was saved for this file; empty if nothing is, or it cannot be read."""
    target = _cursor_file(fleet_home, path)
    if target in _saved_here and _stamp(target) == _saved_here[target].stamp:
        return _saved_here[target].latest
    try:
        entry = load(target, FIRST_TAIL_BYTES)
        if entry["path"] != str(path):
            return SavedCursor()
        return SavedCursor(Cursor(entry["offset"], entry["inode"], entry["seal"]), entry["summary"])
    except (OSError, ValueError, KeyError, TypeError):
        return SavedCursor()


def remember(fleet_home: Path, path: Path, remembered: SavedCursor) -> None:
    """Save the cursor. A failed write is no error: the lines are read again."""
    target = _cursor_file(fleet_home, path)
    cursor = remembered.cursor
    last = _saved_here.get(target)
    if last is not None and last.holds_for(cursor, time.monotonic()) and _stamp(target) == last.stamp:
        _saved_here[target] = replace(last, latest=remembered)
        return
    entry = {
        "path": str(path),
        "offset": cursor.offset,
        "inode": cursor.inode,
        "seal": cursor.seal,
        "summary": remembered.summary,
    }
    if cache(target, encode(entry), _MOST_CURSORS) and cursor.offset:
        for oldest in list(_saved_here)[: len(_saved_here) + 1 - _MOST_CURSORS]:
            _saved_here.pop(oldest, None)
        _saved_here[target] = _SavedHere(_stamp(target), cursor, time.monotonic(), remembered)


@dataclass(frozen=True, slots=True)
class _SavedHere:
    """What this process has saved in a file, bearing ``stamp`` since, and what it would save by now.

    A loop reads on in growing transcripts all the time: for others it is enough to know about where."""

    stamp: object
    cursor: Cursor
    at: float
    latest: SavedCursor

    def holds_for(self, cursor: Cursor, now: float) -> bool:
        """Whether who begins at what is saved reads little more than from this cursor."""
        near = 0 < cursor.offset - self.cursor.offset <= SAVED_EVERY_BYTES
        return near and cursor.inode == self.cursor.inode and now - self.at < SAVED_EVERY_SECONDS


_saved_here: dict[Path, _SavedHere] = {}


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _seal(file: Any, offset: int) -> str:
    start = max(0, offset - _SEAL_BYTES)
    file.seek(start)
    return hashlib.sha256(file.read(offset - start)).hexdigest()[:16]


def _cursor_file(fleet_home: Path, path: Path) -> Path:
    return fleet_home / "cursors" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"
