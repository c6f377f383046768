"""A conversation that the agents view has moved into a background process: its id and state.

Seen with 2.1.332: after ``←`` at an empty prompt the pane's own record keeps its old session id and ``idle`` for ever,
with ``parkedJobId``. The conversation continues under another session id in a process of the user's daemon, and the
pane shows whichever job is chosen in that view, with its name as the title."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.sessions import registry
from fleetscripts.adapters.system import processes
from fleetscripts.adapters.system.processes import read_trees, started_at
from fleetscripts.agents import claude_registry
from fleetscripts.agents.session_view import BackgroundSession
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Client, Evidence, Source
from fleetscripts.pattern import pattern

_TELLS_PLACES = frozenset({"HOME", "CLAUDE_CONFIG_DIR"})
_JOB = pattern(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class ParkedSession:
    """``name``: the title of a pane that shows it; empty if unknown."""

    session_id: str
    evidence: Evidence
    name: str = ""


def parked(config_dir: Path, record: Mapping[str, Any]) -> ParkedSession | None:
    """The moved session by the pane's own record; None if there is none, or it cannot be found."""
    job = record.get("parkedJobId")
    if not isinstance(job, str) or not _JOB.fullmatch(job):
        return None
    for found in registry.read_jobs(config_dir, job):
        client = _client(found)
        session_id = claude_registry.session_of(found)
        if client is not None and session_id and claude_registry.belongs(found, client):
            return ParkedSession(session_id, claude_registry.evidence_of(found, client), str(found.get("name") or ""))
    session_id = claude_registry.session_of(registry.read_job_state(config_dir, job) or {})
    if not session_id:
        return None
    said = "the agents view has moved the conversation to the background, where nothing runs it now"
    return ParkedSession(session_id, Evidence(Source.REGISTRY, None, said, session_id=session_id))


def held_by(pid: int) -> BackgroundSession | None:
    """The session of a daemon's process; None if it is not one."""
    environment = processes.environment(pid, _TELLS_PLACES)
    home = environment.get("CLAUDE_CONFIG_DIR") or f"{environment.get('HOME', '')}/.claude"
    record = registry.read_record(Path(home), pid) or {}
    client = _client(record)
    if record.get("kind") != "bg" or client is None or not claude_registry.belongs(record, client):
        return None
    if record.get("spare") is True:
        return BackgroundSession("")
    session_id = claude_registry.session_of(record)
    return BackgroundSession(session_id, busy=record.get("status") in ("busy", "shell")) if session_id else None


def _client(record: Mapping[str, Any]) -> Client | None:
    pid = record.get("pid")
    process = read_trees([pid]).by_pid.get(pid) if isinstance(pid, int) else None
    if process is None or process.status.startswith("Z"):
        return None
    return Client(pid=process.pid, started_at=started_at(process, time.time()), start_ticks=process.start_ticks)
