"""Where what belongs to a user on this machine is kept, whichever fleet asks: ports and tests are the machine's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def user_state(home: Path, environ: Mapping[str, str]) -> Path:
    """``fleetscripts`` under XDG_STATE_HOME."""
    named = environ.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else home / ".local" / "state"
    return base / "fleetscripts"
