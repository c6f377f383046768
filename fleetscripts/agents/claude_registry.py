"""Evidence from a session registry record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.adapters.sessions.registry import DIALOGS
from fleetscripts.models import Client, DialogKind, Evidence, PaneState, Source

# ps gives a process's start time only to about a second.
_CLOCK_SLACK_SECONDS = 2.0

LATEST_MILLISECONDS = 1e14
"""The year 5138: no client wrote a later time."""


def evidence_of(record: Mapping[str, Any] | None, client: Client) -> Evidence:
    """The record's state of the live client; none if it is another process's, or has no status yet."""
    if record is None:
        return Evidence(Source.REGISTRY, None, "the client keeps no record of its own")
    if not belongs(record, client):
        return Evidence(Source.REGISTRY, None, "the client's own record is of a process that is gone")
    status, what_for = record.get("status"), record.get("waitingFor")
    at = _seconds(record.get("statusUpdatedAt") or record.get("updatedAt"))
    session_id = session_of(record)

    def say(state: PaneState | None, dialog: DialogKind | None = None, background: bool = False) -> Evidence:
        reason = f"the client's own record says {status}" + (f" ({what_for})" if what_for else "")
        return Evidence(
            Source.REGISTRY, state, reason, at=at, dialog=dialog, background=background, session_id=session_id
        )

    match status:
        case "busy":
            return say(PaneState.RUNNING)
        case "idle":
            return say(PaneState.PROMPT)
        case "shell":
            return say(PaneState.PROMPT, background=True)
        case "waiting":
            return say(PaneState.WAITING_APPROVAL, DIALOGS.get(str(what_for), DialogKind.OTHER))
    return Evidence(Source.REGISTRY, None, "the client's own record says no status", at=at, session_id=session_id)


def belongs(record: Mapping[str, Any], client: Client) -> bool:
    """Whether pid and start time are the live client's: a killed one leaves its file, and pids are reused.

    2.1.100 and similar releases do not write ``procStart``, only when they began to write."""
    if record.get("pid") != client.pid:
        return False
    start = str(record.get("procStart") or "")
    if start and client.start_ticks:
        return start == client.start_ticks
    began = _seconds(record.get("startedAt"))
    return began is None or began >= client.started_at - _CLOCK_SLACK_SECONDS


def session_of(record: Mapping[str, Any]) -> str | None:
    """The client's current session: ``/clear`` and forks change it."""
    session_id = record.get("sessionId")
    return session_id if isinstance(session_id, str) and session_id else None


def _seconds(milliseconds: object) -> float | None:
    is_time = isinstance(milliseconds, int | float) and 0 <= milliseconds < LATEST_MILLISECONDS
    return milliseconds / 1000 if is_time else None  # type: ignore[operator]
