"""The default paths of our own files below the user's home. Users know them: they stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FLEET_HOME = "~/.claude/orchestrator"
STATE_FILE = "~/.claude/orchestrator-state.json"


def fleet_home(environ: Mapping[str, str]) -> Path:
    """FLEET_HOME for commands that read no settings."""
    return Path(environ.get("FLEET_HOME") or FLEET_HOME).expanduser()


def user_state(home: Path, environ: Mapping[str, str]) -> Path:
    """What belongs to the user on this machine and is shared by all fleets: ports and tests are the machine's."""
    named = environ.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else home / ".local" / "state"
    return base / "fleetscripts"
