"""The hook spool: events that clients reported to our hook command. Agents can write here, so it never decides
alone."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.files import private_folder
from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.system.regular_file import open_regular
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

_TAIL_BYTES = 262144
_SESSION = pattern(r"[0-9A-Za-z-]{1,64}")
_LINE = pattern(rb"(\d{15,20}) (\S+) (\{.*\})")


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One line of the spool. ``at`` in Unix seconds; ``pane`` from the hook's environment, or empty."""

    at: float
    pane: str
    name: str
    payload: Mapping[str, Any]


def spool_folder(fleet_home: Path) -> Path:
    """Where the hooks of this fleet write; created if missing, for the user alone."""
    folder = fleet_home / "spool"
    private_folder(folder)
    return folder


def hook_command(hook_file: Path, spool: Path, python: str = sys.executable) -> str:
    """The shell line for a client's settings that appends its event to the spool."""
    return shlex.join([python, "-I", "-S", str(hook_file), str(spool)])


def read_events(fleet_home: Path, session_id: str) -> list[HookEvent]:
    """The latest events of one session, oldest first; at most those in the last 256 kB."""
    if not _SESSION.fullmatch(session_id):
        return []
    path = f"{fleet_home}/spool/{session_id}.log"
    lines = _tail(path)
    if len(lines) < 2:
        lines = [*_tail(f"{path}.1"), *lines]
    events = (_event(line) for line in lines)
    return [event for event in events if event is not None and event.payload.get("session_id") == session_id]


def _tail(path: str) -> list[bytes]:
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            start = file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).split(b"\n")
    except OSError:
        return []
    return lines[1 if start else 0 : -1]


def _event(line: bytes) -> HookEvent | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    payload = parse_line(match[3])
    if payload is None:
        return None
    name = payload.get("hook_event_name")
    pane = match[2].decode("utf-8", "replace")
    return HookEvent(int(match[1]) / 1e9, "" if pane == "-" else pane, name if isinstance(name, str) else "", payload)
