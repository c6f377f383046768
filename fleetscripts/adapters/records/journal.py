"""The journal: one JSON line for each action on an agent, appended atomically, bounded in size."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from fleetscripts.adapters.records.files import append_line
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.errors import FleetError

MAX_BYTES = 8_000_000
"""A larger file is rotated to ``events.jsonl.1``, replacing the one before."""

MAX_TEXT = 2_000
ROTATE_WAIT_SECONDS = 5.0


class Journal:
    """``events.jsonl`` under FLEET_HOME. ``ids``: agents' ids by pane id and window, for lines that name only these."""

    def __init__(self, path: Path, ids: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.ids = ids or {}

    def write(self, event: str, *, window: str = "", why: str = "", **fields: object) -> None:
        """Append one line. Long texts are cut; secrets must not be passed."""
        members: dict[str, object] = {"at": round(time.time(), 3), "event": event}
        known = self.ids.get(str(fields.get("pane_id", ""))) or self.ids.get(window)
        if known and not fields.get("id"):
            members["id"] = known
        members |= {name: value for name, value in (("window", window), ("why", why)) if value}
        members |= {name: _short(value) for name, value in fields.items() if value is not None}
        line = json.dumps(members, default=str).encode() + b"\n"
        try:
            self._rotate(len(line))
            append_line(self.path, line)
        except OSError as error:
            raise FleetError(f"cannot write the journal {self.path}: {error.strerror}") from error

    def read(self) -> Iterator[dict[str, object]]:
        """All lines, oldest first, including the rotated file's; a line cut short by a crash is left out."""
        for path in (self._rotated, self.path):
            try:
                lines = path.read_bytes().splitlines()
            except FileNotFoundError:
                continue
            yield from (members for line in lines if (members := parse_line(line)) is not None)

    def tail(self, most_bytes: int) -> list[dict[str, object]]:
        """The lines within the last bytes, oldest first; fast for a journal of any length."""
        try:
            with self.path.open("rb") as stream:
                start = max(stream.seek(0, os.SEEK_END) - most_bytes, 0)
                stream.seek(start)
                lines = stream.read(most_bytes).splitlines()
        except FileNotFoundError:
            return []
        whole = lines[1:] if start else lines
        return [members for line in whole if (members := parse_line(line)) is not None]

    @property
    def _rotated(self) -> Path:
        return self.path.with_name(self.path.name + ".1")

    def _rotate(self, more: int) -> None:
        if self._size() + more <= MAX_BYTES:
            return
        with hold(self.path.with_name(self.path.name + ".lock"), ROTATE_WAIT_SECONDS):
            if self._size() + more > MAX_BYTES:
                self.path.replace(self._rotated)

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return value[: MAX_TEXT - 1] + "…"
    return value
