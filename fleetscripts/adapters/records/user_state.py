"""State that belongs to a user on this machine, shared by all fleets: ports and tests are the machine's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def user_state(home: Path, environ: Mapping[str, str]) -> Path:
    named = environ.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else home / ".local" / "state"
    return base / "fleetscripts"
