"""Reads one live Codex client's session: the rollout that it holds open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fleetscripts.account import ACCOUNT_VARIABLE
from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.sessions.open_files import open_files
from fleetscripts.adapters.sessions.transcripts import SavedCursor, read_new, recall, remember
from fleetscripts.adapters.system.regular_file import open_regular, read_regular
from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.agents.codex_limits import limits_in
from fleetscripts.agents.codex_rollout import (
    all_checkpoints,
    evidence_of,
    last_messages,
    met_github_limit,
    quoting_call,
    typed_text,
)
from fleetscripts.agents.kinds import Places
from fleetscripts.agents.session_view import SessionView
from fleetscripts.core.gates.completion import Checkpoint
from fleetscripts.models import Client
from fleetscripts.pattern import pattern

MOST_RECORDS = 400
LONGEST_META_BYTES = 1 << 20
"""Of a rollout's first line, which includes the model's instructions."""
_ROLLOUT = pattern(r"rollout-.+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl")
_SESSION = pattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_USEFUL_EVENTS = ("task_started", "task_complete", "turn_aborted", "error", "token_count")
_USEFUL_ITEMS = ("message", "function_call", "custom_tool_call", "local_shell_call")
_USEFUL = {"event_msg": _USEFUL_EVENTS, "response_item": _USEFUL_ITEMS}
_KEPT_TEXTS = ("type", "role", "content", "id", "message", "last_agent_message")
_KEPT_FIELDS = (*_KEPT_TEXTS, "error", "codex_error_info", "rate_limits")
DAEMON = Path("app-server-daemon", "daemon.pid")
"""Below its home: the process that holds the rollouts of clients started without ``--no-daemon``."""
_LARGEST_PID_BYTES = 4096
MOST_ROLLOUTS_LOOKED_AT = 200
"""Of one home, newest first, in the search for a folder's newest."""


def look(client: Client, home: Path, places: Places, session_id: str | None = None) -> SessionView:
    """Read what is new in the client's rollout. ``home``: the client's own folder."""
    path = _rollout(client, home, session_id)
    if path is None:
        return SessionView(session_id=session_id)
    summary = _up_to_date(places.fleet_home, path)
    records: list[dict[str, Any]] = summary.get("records", [])
    own_id = (_ROLLOUT.fullmatch(path.name) or [None, session_id])[1]
    windows, at = limits_in(records)
    if windows and own_id and (account := client.environment.get(ACCOUNT_VARIABLE)):
        AccountLedger(places.fleet_home).note_session(account, own_id, windows, at)
    piece = evidence_of(records, own_id, local_zone(), client.started_at)
    return SessionView(
        evidence=(piece,) if piece else (),
        session_id=own_id,
        transcript=path,
        checkpoints=tuple(Checkpoint(step, at) for step, at in summary.get("checkpoints", [])),
        messages=last_messages(records),
        shown={"version": str(summary["version"])} if summary.get("version") else {},
        github_limited_at=float(summary.get("github_limited_at", 0.0)),
    )


def rollout_named(home: Path, session_id: str) -> Path | None:
    """The rollout of that conversation."""
    if not _SESSION.fullmatch(session_id):
        return None
    return max(home.glob(f"sessions/*/*/*/rollout-*-{session_id}.jsonl"), default=None)


def newest_rollout(home: Path, worktree: Path) -> Path | None:
    """The newest conversation that was begun in this folder, as ``codex resume --last`` takes it."""
    names = sorted(home.glob("sessions/*/*/*/rollout-*.jsonl"), key=lambda path: path.name, reverse=True)
    here = os.path.realpath(worktree)
    for path in names[:MOST_ROLLOUTS_LOOKED_AT]:
        begun_in = str(session_meta(path).get("cwd") or "")
        if begun_in and os.path.realpath(begun_in) == here and not is_sub_agents(path):
            return path
    return None


def _rollout(client: Client, home: Path, session_id: str | None) -> Path | None:
    """The rollout that this very process writes, or its daemon does for it; before its first turn, the one of the
    session it was resumed with.

    The last known one, while it is held open; else the newest that is no sub-agent's: each has a rollout of its own."""
    held = _held_by(client.pid) or _held_for(client, home)
    known = next((path for path, session in held.items() if session == session_id), None)
    if known is not None and not is_sub_agents(known):
        return known
    own = [path for path in held if not is_sub_agents(path)]
    if own:
        return max(own, key=lambda path: path.name)
    return rollout_named(home, session_id or "")


def _held_by(pid: int) -> dict[Path, str]:
    """Rollouts that a process holds open, with their sessions."""
    return {path: found[1] for path in open_files(pid, ".jsonl") if (found := _ROLLOUT.fullmatch(path.name))}


def _held_for(client: Client, home: Path) -> dict[Path, str]:
    """The daemon's open rollout for this client: of its folder, and written to since it started.

    None if it may be another client's too: the daemon (since 0.170) does not say which client has which rollout."""
    try:
        pid = (parse_line(read_regular(home / DAEMON, _LARGEST_PID_BYTES)) or {}).get("pid")
    except OSError:
        return {}
    if not isinstance(pid, int):
        return {}
    here = os.path.realpath(client.cwd)
    held = {
        path: session
        for path, session in _held_by(pid).items()
        if _written(path) >= client.started_at
        and os.path.realpath(str(session_meta(path).get("cwd") or "")) == here
        and not is_sub_agents(path)
    }
    return held if len(held) == 1 else {}


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0


def is_sub_agents(path: Path) -> bool:
    """Whether a rollout's first record names a parent conversation."""
    payload = session_meta(path)
    source = payload.get("source")
    kind = next(iter(source), "") if isinstance(source, dict) else source
    named = any(str(word).replace("_", "").startswith("subagent") for word in (kind, payload.get("thread_source")))
    return named or bool(payload.get("parent_thread_id"))


def session_meta(path: Path) -> dict[str, Any]:
    """The conversation's facts in its first record."""
    try:
        with open_regular(path) as file:
            record = parse_line(file.readline(LONGEST_META_BYTES))
    except OSError:
        return {}
    payload = record.get("payload") if record is not None and record.get("type") == "session_meta" else None
    return payload if isinstance(payload, dict) else {}


def _up_to_date(fleet_home: Path, path: Path) -> dict[str, Any]:
    """The rollout's summary, with its new lines folded in."""
    remembered = recall(fleet_home, path)
    reading = read_new(path, remembered.cursor)
    if reading is None or (not reading.lines and not reading.restarted):
        return remembered.summary
    summary = {} if reading.restarted else remembered.summary
    for line in reading.lines:
        summary = _folded(summary, line) if b'"payload"' in line else summary
    remember(fleet_home, path, SavedCursor(reading.cursor, summary))
    return summary


def _folded(summary: dict[str, Any], line: bytes) -> dict[str, Any]:
    """The summary after one more record: those since the last typed message, and every checkpoint so far."""
    record = parse_line(line)
    payload = record.get("payload") if record is not None else None
    if record is None or not isinstance(payload, dict):
        return summary
    if record.get("type") == "session_meta":
        return {**summary, "version": payload.get("cli_version")}
    quoting = [*summary.get("quoting", []), *filter(None, [quoting_call(record)])][-MOST_RECORDS:]
    summary = {**summary, "quoting": quoting} if quoting else summary
    if payload.get("call_id") not in quoting and (limited_at := met_github_limit(record)):
        summary = {**summary, "github_limited_at": limited_at}
    if payload.get("type") not in _USEFUL.get(str(record.get("type")), ()):
        return summary
    kept = summary.get("records", [])
    if kept and kept[-1]["payload"].get("type") == payload.get("type") == "token_count":
        kept = kept[:-1]
    if typed_text(record) is not None:
        kept = [known for known in kept if known["payload"].get("type") == "task_started"][-1:]
    found = summary.get("checkpoints", [])
    named = [[checkpoint.step, checkpoint.at] for checkpoint in all_checkpoints((record,))]
    return {**summary, "records": [*kept, _slim(record)][-MOST_RECORDS:], "checkpoints": found + named}


def _slim(record: dict[str, Any]) -> dict[str, Any]:
    """The parts of a record that evidence is read from: rollouts include whole files in tool outputs."""
    payload = {name: record["payload"][name] for name in _KEPT_FIELDS if name in record["payload"]}
    if payload.get("type") == "message" and payload.get("role") not in ("user", "assistant"):
        payload.pop("content", None)
    return {"timestamp": record.get("timestamp"), "type": record["type"], "payload": payload}
