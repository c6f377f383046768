"""Where our own files lie below the user's home, unless settings say otherwise. Paths that users know: they stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FLEET_HOME = "~/.claude/orchestrator"
STATE_FILE = "~/.claude/orchestrator-state.json"


def fleet_home(environ: Mapping[str, str]) -> Path:
    """FLEET_HOME, as a command knows it that reads no settings."""
    return Path(environ.get("FLEET_HOME") or FLEET_HOME).expanduser()
