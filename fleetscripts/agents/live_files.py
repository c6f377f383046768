"""Where a live client's files change, and whose a changed file is: what to watch, told by names alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from time import localtime, strftime

from fleetscripts.agents.claude_session import config_folder
from fleetscripts.agents.kinds import Places

_SESSION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CHANGES = (".json", ".jsonl", ".log")


def folders(kind: str, environment: Mapping[str, str], cwd: str, places: Places, now: float) -> tuple[Path, ...]:
    """Folders in which files of a client that works in ``cwd`` appear or change; some may not exist yet.

    ``environment``: the client's own, as far as it is known."""
    if kind == "codex":
        sessions = Path(environment.get("CODEX_HOME") or places.codex_home) / "sessions"
        days = [strftime("%Y/%m/%d", localtime(now + offset)) for offset in (0, 3600)]
        return tuple(dict.fromkeys(sessions / day[:length] for day in days for length in (0, 4, 7, 10)))
    config = config_folder(environment, places) if environment else places.claude_config_dir
    projects = config / "projects"
    return (config / "sessions", projects, projects / re.sub(r"[^a-zA-Z0-9]", "-", cwd))


def session_of(path: str) -> str:
    """The session whose transcript, rollout or spool this is; empty when the name tells none."""
    found = _SESSION.findall(path.rpartition("/")[2])
    return str(found[-1]).lower() if found and path.endswith(_CHANGES) else ""


def process_of(path: str) -> int:
    """The client process whose registry record this is; 0 when it is none."""
    folder, _, name = path.rpartition("/")
    number = name.removesuffix(".json")
    return int(number) if folder.endswith("/sessions") and name.endswith(".json") and number.isdecimal() else 0
