"""Reads one live Claude Code client's files: registry record, transcript, hook events."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from fleetscripts.adapters.sessions import registry, spool, transcripts
from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.agents import claude_hooks, claude_parked, claude_registry, claude_transcript
from fleetscripts.agents.claude_alarms import next_alarm
from fleetscripts.agents.claude_transcript import Turn
from fleetscripts.agents.kinds import Places
from fleetscripts.agents.session_view import SessionView
from fleetscripts.models import Client, Evidence, Source

_SESSION_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SETTLED_NS = 1_000_000_000
_USEFUL = (b'"user"', b'"assistant"', b'"system"')


def look(client: Client, places: Places, session_id: str | None = None, now: float | None = None) -> SessionView:
    """Evidence from the client's own files. ``session_id``: the last known one; the registry's takes precedence."""
    config_dir = config_folder(client.environment, places)
    record = registry.read_record(config_dir, client.pid)
    said = claude_registry.evidence_of(record, client)
    live = record if record is not None and claude_registry.belongs(record, client) else {}
    moved = claude_parked.parked(config_dir, live)
    if moved is not None:
        said = moved.evidence
    found_id = moved.session_id if moved is not None else claude_registry.session_of(live) or session_id
    path = transcript_path(config_dir, str(live.get("cwd") or client.cwd), found_id, client.started_at, now)
    if path is None and session_id and "status" not in live:
        # 2.1.100 names a session of its own until a resumed conversation is gone on with.
        path = transcript_path(config_dir, str(live.get("cwd") or client.cwd), session_id, client.started_at, now)
        found_id = session_id if path is not None else found_id
    turn = read_turn(places.fleet_home, path) if path is not None else None
    found_id = found_id or (path.stem if path is not None else None)
    evidence = [said, _transcript_evidence(turn, client, found_id)]
    events = spool.read_events(places.fleet_home, found_id or "")
    hook = claude_hooks.evidence_of(events, client.started_at, session_id=found_id)
    if hook is not None:
        evidence.append(hook)
    version = live.get("version")
    return SessionView(
        evidence=tuple(evidence),
        session_id=found_id,
        transcript=path,
        checkpoints=turn.all_checkpoints() if turn else (),
        messages=turn.messages() if turn else (),
        shown={"version": version} if isinstance(version, str) else {},
        shown_as=moved.name if moved is not None else "",
        denied=claude_hooks.denied(events, client.started_at),
        github_limited_at=turn.github_limited_at if turn else 0.0,
        wakes_at=next_alarm(turn.alarms, client.started_at, time.time(), local_zone()) if turn and client.pid else 0.0,
    )


def config_folder(environment: Mapping[str, str], places: Places) -> Path:
    """The client's configuration folder: by its own environment, else by ours."""
    if environment.get("CLAUDE_CONFIG_DIR"):
        return _folder(environment["CLAUDE_CONFIG_DIR"])
    return _folder(f"{environment['HOME']}/.claude") if environment.get("HOME") else places.home


@lru_cache(maxsize=256)
def _folder(path: str) -> Path:
    """One for all clients that have it: a path costs most the first time it is used."""
    return Path(path)


@lru_cache(maxsize=1024)
def project_folder(config_dir: Path, cwd: str) -> Path:
    """The folder with the transcripts of conversations held in this folder."""
    return config_dir / "projects" / re.sub(r"[^a-zA-Z0-9]", "-", cwd)


def newest_transcript(config_dir: Path, cwd: str) -> Path | None:
    """The conversation written to last in this folder."""
    return max(_entries(project_folder(config_dir, cwd), "*.jsonl"), key=_written, default=None)


def transcript_path(
    config_dir: Path, cwd: str, session_id: str | None, client_started: float = 0.0, now: float | None = None
) -> Path | None:
    """The session's transcript, in the project folder of ``cwd`` or any other. ``now``: as for ``look``.

    Without a session id: the only one of that folder written since the client started, if there is just one."""
    here = project_folder(config_dir, cwd)
    if session_id is None:
        recent = [path for path in _entries(here, "*.jsonl") if _written(path) >= client_started]
        recent = [path for path in recent if _SESSION_ID.fullmatch(path.stem)]
        return recent[0] if len(recent) == 1 else None
    if not _SESSION_ID.fullmatch(session_id):
        return None
    name = f"{session_id}.jsonl"
    path = f"{here}/{name}"
    return Path(path) if os.path.isfile(path) else _in_another_folder(f"{config_dir}/projects", name, now)


def read_turn(fleet_home: Path, path: Path) -> Turn | None:
    """The transcript's summary, up to date; None if the file is missing or compressed."""
    remembered = transcripts.recall(fleet_home, path)
    turn = Turn.from_json(remembered.summary)
    cursor = remembered.cursor if turn is not None else transcripts.Cursor()
    reading = transcripts.read_new(path, cursor)
    if reading is None:
        return None
    turn = Turn() if turn is None or reading.restarted else turn
    for line in reading.lines:
        turn = _fold_line(turn, line)
    if reading.cursor != cursor:
        transcripts.remember(fleet_home, path, transcripts.SavedCursor(reading.cursor, turn.to_json()))
    return turn


def _fold_line(turn: Turn, line: bytes) -> Turn:
    if not any(mark in line for mark in _USEFUL):
        return turn
    record = parse_line(line)
    return turn if record is None else claude_transcript.fold(turn, record)


def _transcript_evidence(turn: Turn | None, client: Client, session_id: str | None) -> Evidence:
    if turn is None:
        return Evidence(Source.TRANSCRIPT, None, "no transcript can be read", session_id=session_id)
    return claude_transcript.evidence_of(turn, client.started_at, session_id, local_zone())


def _in_another_folder(projects: str, name: str, now: float | None) -> Path | None:
    """Called for every client without a transcript at every look, among hundreds of folders: one system call for
    each."""
    try:
        status = os.stat(projects)
        folders = _project_folders(projects, status.st_mtime_ns, status.st_nlink)
    except OSError:
        return None
    if now is None:
        return next((Path(folder, name) for folder in folders if os.access(f"{folder}/{name}", os.F_OK)), None)
    folder = _folder_by_name(folders, now, int(time.monotonic())).get(name)
    return Path(folder, name) if folder else None


@lru_cache(maxsize=2)
def _folder_by_name(folders: tuple[str, ...], _now: float, _steady_second: int) -> Mapping[str, str]:
    """Where each file lies, in the first folder that has one of its name. As of one look, and never older than it."""
    return {name: folder for folder in reversed(folders) for name in _names_in(folder)}


def _names_in(folder: str) -> tuple[str, ...]:
    """What lies there; listed again only after a change, or so soon after one that another may bear the same time."""
    try:
        changed = os.stat(folder).st_mtime_ns
        settled = time.time_ns() - changed > _SETTLED_NS
        return _listed(folder, changed) if settled else tuple(os.listdir(folder))
    except OSError:
        return ()


@lru_cache(maxsize=4096)
def _listed(folder: str, _changed_ns: int) -> tuple[str, ...]:
    return tuple(os.listdir(folder))


@lru_cache(maxsize=8)
def _project_folders(projects: str, _changed_ns: int, _links: int) -> tuple[str, ...]:
    """Its folders by name; a new one changes the parent's time and link count."""
    return tuple(sorted(entry.path for entry in os.scandir(projects) if entry.is_dir()))


def _entries(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
