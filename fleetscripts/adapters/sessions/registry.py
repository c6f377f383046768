"""Claude Code's session registry: one file per live session, undocumented; used if present, never required."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.models import DialogKind

_LARGEST_BYTES = 65536
"""Today's files hold about 700 bytes."""

DIALOGS: Mapping[str, DialogKind] = {
    "permission prompt": DialogKind.PERMISSION,
    "sandbox request": DialogKind.PERMISSION,
    "worker request": DialogKind.PERMISSION,
    "input needed": DialogKind.QUESTION,
    "dialog open": DialogKind.MENU,
}
"""A record's ``waitingFor`` → what is in the input box's place."""


def read_record(config_dir: Path, pid: int) -> dict[str, Any] | None:
    """The record of the client process ``pid``; None if it is missing, half written or not understood."""
    return _read(f"{config_dir}/sessions/{pid}.json")


def read_jobs(config_dir: Path, job: str) -> Iterator[dict[str, Any]]:
    """Records of background processes that claim this job; a killed one leaves its own."""
    for path in sorted((config_dir / "sessions").glob("*.json")):
        record = _read(path)
        if record is not None and record.get("kind") == "bg" and record.get("jobId") == job:
            yield record


def read_job_state(config_dir: Path, job: str) -> dict[str, Any] | None:
    """The stored state of a background job, whether a process holds it or not."""
    return _read(config_dir / "jobs" / job / "state.json")


def _read(path: Path | str) -> dict[str, Any] | None:
    try:
        return parse_line(read_regular(path, _LARGEST_BYTES))
    except OSError:
        return None
