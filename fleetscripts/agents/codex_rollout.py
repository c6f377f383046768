"""Evidence from a Codex rollout (its transcript): pure functions over its records, oldest first.

Seen in Codex 0.169: ``event_msg`` records ``task_started``, ``task_complete {error?, last_agent_message}`` and
``turn_aborted`` bound a turn; ``response_item`` messages hold the texts. Older releases write no ``task_started``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from fleetscripts.core.gates.completion import Checkpoint, Message, checkpoints, says_done
from fleetscripts.core.gates.github_limit import may_ask_github, met_limit
from fleetscripts.core.screen.reset_time import reset_instant
from fleetscripts.models import ErrorKind, Evidence, PaneState, Source
from fleetscripts.pattern import pattern

Record = Mapping[str, Any]

HARNESS_MARKS = ("<environment_context>", "<user_instructions>", "<turn_aborted>", "<permissions", "# AGENTS.md")
"""A "user" message that begins so was written by the client, not typed."""

ERRORS: Mapping[str, ErrorKind] = {
    "unauthorized": ErrorKind.AUTH,
    "context_window_exceeded": ErrorKind.CONTEXT,
    "server_overloaded": ErrorKind.OVERLOADED,
    "internal_server_error": ErrorKind.SERVER,
    "http_connection_failed": ErrorKind.SERVER,
    "response_stream_connection_failed": ErrorKind.SERVER,
    "response_stream_disconnected": ErrorKind.SERVER,
    "response_too_many_failed_attempts": ErrorKind.SERVER,
}
WALLS = frozenset({"usage_limit_exceeded", "usage_limit_reached"})
NO_CREDIT = pattern(r"Quota exceeded|insufficient_quota")
"""Codex reports an unpaid key under the same name as a limit; but only paying ends it, not waiting."""

WORDED_WALL = pattern(r"hit your (?:usage limit|spend cap)|reached your usage limit|workspace is out of credits")
LONGEST_REASON = 120
NAMED_TO_SECONDS = 60.0
"""The precision with which its words give the end of a limit."""


def evidence_of(
    records: Sequence[Record], session_id: str | None = None, zone: tzinfo = UTC, client_started: float = 0.0
) -> Evidence | None:
    """The state of the newest turn; None if the records have no turn. Of turns from before the client's start only a
    last message counts. ``zone``: of the reset time in a limit's words."""
    bounded = any(_payload(record).get("type") == "task_started" for record in records)
    for at in range(len(records) - 1, -1, -1):
        found = _turn_state(records, at, bounded)
        if found is not None:
            state, reason, error, resets_at, rule = found
            when = _time(records[at])
            if when is not None and when < client_started and state is not PaneState.COMPLETE:
                reason = "no turn in the rollout since the client started"
                state, error, resets_at = PaneState.PROMPT, None, None
            if state is PaneState.RATE_LIMITED and resets_at is None:
                resets_at = _named_reset(reason, when or 0.0, zone)
            return Evidence(
                Source.TRANSCRIPT, state, reason, at=when, error=error, resets_at=resets_at, rule=rule,
                session_id=session_id,
            )  # fmt: skip
    return None


def last_messages(records: Iterable[Record]) -> tuple[Message, ...]:
    """The agent's own texts since the last message that somebody typed."""
    found: list[Message] = []
    for record in records:
        payload = _payload(record)
        if typed_text(record) is not None:
            found = []
        elif _is_agents_message(record):
            found.append(Message(_text(payload), _time(record) or 0.0, str(payload.get("id") or "")))
    return tuple(found)


def all_checkpoints(records: Iterable[Record]) -> tuple[Checkpoint, ...]:
    """Every checkpoint that the agent reported in these records."""
    found: list[Checkpoint] = []
    for record in records:
        payload = _payload(record)
        if _is_agents_message(record):
            found += [Checkpoint(step, _time(record) or 0.0) for step in checkpoints(_text(payload))]
    return tuple(found)


def typed_text(record: Record) -> str | None:
    """The text of a message that somebody typed or pasted; None for every other record."""
    payload = _payload(record)
    if record.get("type") != "response_item" or payload.get("type") != "message" or payload.get("role") != "user":
        return None
    text = _text(payload)
    return None if text.lstrip().startswith(HARNESS_MARKS) else text


def met_github_limit(record: Record) -> float:
    """When this record's tool printed GitHub's secondary rate limit; 0 for every other record."""
    return (_time(record) or 0.0) if met_limit(_tool_output(record)) else 0.0


def quoting_call(record: Record) -> str:
    """The id of a tool call that only shows something; empty for every other record."""
    payload = _payload(record)
    if record.get("type") != "response_item" or payload.get("type") not in _CALLS:
        return ""
    given = payload.get("arguments") or payload.get("input") or payload.get("action")
    return "" if may_ask_github(str(payload.get("name") or ""), given) else str(payload.get("call_id") or "")


def _tool_output(record: Record) -> str:
    """A tool's output; empty for every other record. Some releases wrap it in JSON."""
    payload = _payload(record)
    output = payload.get("output")
    if payload.get("type") not in ("function_call_output", "custom_tool_call_output") or not isinstance(output, str):
        return ""
    try:
        wrapped = json.loads(output)
    except ValueError:
        return output
    inner = wrapped.get("output") if isinstance(wrapped, dict) else None
    return inner if isinstance(inner, str) else output


_CALLS = ("function_call", "custom_tool_call", "local_shell_call")
_Found = tuple[PaneState, str, ErrorKind | None, float | None, str]


def _turn_state(records: Sequence[Record], at: int, bounded: bool) -> _Found | None:
    """The turn's state by one record, if it has one. ``bounded``: turns have start records, so that messages and calls
    within one are no evidence."""
    record, payload = records[at], _payload(records[at])
    kind = payload.get("type")
    if record.get("type") == "response_item":
        if bounded:
            return None
        if _is_agents_message(record):
            done = says_done(_text(payload))
            state = PaneState.COMPLETE if done else PaneState.PROMPT
            return state, "the rollout ends with the agent's message", None, None, "message"
        if typed_text(record) is not None:
            return PaneState.RUNNING, "the rollout ends with a message to the agent", None, None, "user"
        if kind in _CALLS:
            return PaneState.RUNNING, "the rollout ends with a tool's call", None, None, "tool_use"
        return None
    if record.get("type") != "event_msg":
        return None
    match kind:
        case "task_started":
            return PaneState.RUNNING, "the rollout says that a turn began", None, None, "task_started"
        case "turn_aborted":
            return PaneState.PROMPT, "the rollout says that the turn was interrupted", None, None, "turn_aborted"
        case "task_complete":
            return _ended(records, at)
        case "error":
            return _failed(payload, records, at)
    return None


def _ended(records: Sequence[Record], at: int) -> _Found:
    payload = _payload(records[at])
    error = payload.get("error")
    if isinstance(error, Mapping):
        return _failed(error, records, at)
    if not payload.get("last_agent_message") and (earlier := _error_in_turn(records, at)) is not None:
        return earlier
    last = payload.get("last_agent_message")
    if isinstance(last, str) and says_done(last):
        return PaneState.COMPLETE, "the agent's last message says DONE", None, None, "task_complete"
    return PaneState.PROMPT, "the rollout says that the turn is over", None, None, "task_complete"


def _error_in_turn(records: Sequence[Record], at: int) -> _Found | None:
    """An ``error`` event of the turn that ends at ``at``: older releases write it separately from the end."""
    for index in range(at - 1, -1, -1):
        payload = _payload(records[index])
        if payload.get("type") == "task_started" or typed_text(records[index]) is not None:
            return None
        if records[index].get("type") == "event_msg" and payload.get("type") == "error":
            return _failed(payload, records, index)
    return None


def _failed(error: Mapping[str, Any], records: Sequence[Record], at: int) -> _Found:
    info = error.get("codex_error_info")
    name = next(iter(info), "") if isinstance(info, Mapping) else str(info or "")
    message = str(error.get("message") or "")
    if NO_CREDIT.search(message) and (not name or name in WALLS):
        return PaneState.API_ERROR, "the rollout says that the account has no credit", ErrorKind.BILLING, None, "credit"
    if name in WALLS or (not name and WORDED_WALL.search(message)):
        reason = f"the rollout says: usage limit: {' '.join(message.split())[:LONGEST_REASON]}"
        return PaneState.RATE_LIMITED, reason, None, _resets_at(records, at), "wall"
    kind = ERRORS.get(name, ErrorKind.OTHER)
    return PaneState.API_ERROR, f"the rollout says that the turn died: {name or 'an error'}", kind, None, "error"


def _resets_at(records: Sequence[Record], at: int) -> float | None:
    """The latest reset among the windows that are full, from the last ``token_count`` before; None without one."""
    for index in range(at, -1, -1):
        limits = _payload(records[index]).get("rate_limits")
        if not isinstance(limits, Mapping):
            continue
        windows = [limits.get(name) for name in ("primary", "secondary")]
        full = [w for w in windows if isinstance(w, Mapping) and float(w.get("used_percent") or 0) >= 100]
        times = [float(w["resets_at"]) for w in full if isinstance(w.get("resets_at"), int | float)]
        return max(times, default=None)
    return None


def _named_reset(reason: str, at: float, zone: tzinfo) -> float | None:
    """The end of the minute that the words give: Codex omits the seconds, and refuses until the minute is over."""
    named = reset_instant(reason, at, zone)
    return None if named is None else named + NAMED_TO_SECONDS


def _is_agents_message(record: Record) -> bool:
    payload = _payload(record)
    kinds = (record.get("type"), payload.get("type"), payload.get("role"))
    return kinds == ("response_item", "message", "assistant")


def _payload(record: Record) -> Mapping[str, Any]:
    payload = record.get("payload")
    return payload if isinstance(payload, Mapping) else {}


def _text(payload: Mapping[str, Any]) -> str:
    content = payload.get("content")
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def _time(record: Record) -> float | None:
    stamp = record.get("timestamp")
    try:
        return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else None
    except ValueError:
        return None
