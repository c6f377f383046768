"""Evidence from a session's hook events. Pure.

Agents can write these, so they only indicate a turn in progress or explain: a completion, a limit, a receipt or an
approval is never taken from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fleetscripts.adapters.sessions.spool import HookEvent
from fleetscripts.models import DialogKind, Evidence, PaneState, Source

_BUSY = frozenset({"UserPromptSubmit", "PreToolUse", "PostToolUse", "PreCompact"})


def evidence_of(events: Sequence[HookEvent], client_started: float, session_id: str | None = None) -> Evidence | None:
    """The newest event since the client's start that concerns the turn; None if there is none."""
    for event in reversed(events):
        if event.at < client_started:
            return None
        state = _state(event)
        if state is not None:
            dialog = DialogKind.PERMISSION if state is PaneState.WAITING_APPROVAL else None
            reason = f"the last hook event is {event.name}"
            return Evidence(Source.HOOK, state, reason, at=event.at, dialog=dialog, session_id=session_id)
    return None


def denied(events: Sequence[HookEvent], client_started: float) -> str:
    """The action that the client's own check denied last since the last instruction; empty if none."""
    for event in reversed(events):
        if event.at < client_started or event.name == "UserPromptSubmit":
            return ""
        if event.name == "PermissionDenied":
            return _called(event.payload)
    return ""


def _called(payload: Mapping[str, Any]) -> str:
    """The command, or the tool with its input."""
    given = payload.get("tool_input")
    command = given.get("command") if isinstance(given, Mapping) else None
    return str(command) if command else f"{payload.get('tool_name')} {given}"


def _state(event: HookEvent) -> PaneState | None:
    if event.name in _BUSY:
        return PaneState.RUNNING
    if event.name == "PermissionRequest" or event.payload.get("notification_type") == "permission_prompt":
        return PaneState.WAITING_APPROVAL
    if event.name == "Stop":
        return PaneState.RUNNING if _awaits_agents(event.payload) else PaneState.PROMPT
    if event.name == "StopFailure":
        return PaneState.RATE_LIMITED if event.payload.get("error") == "rate_limit" else PaneState.API_ERROR
    return None


def _awaits_agents(payload: Mapping[str, Any]) -> bool:
    tasks = payload.get("background_tasks")
    known = [task for task in tasks if isinstance(task, Mapping)] if isinstance(tasks, list) else []
    return any(task.get("type") == "subagent" and task.get("status") == "running" for task in known)
