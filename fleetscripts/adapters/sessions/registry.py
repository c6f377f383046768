"""Claude Code's session registry: one file a live session, undocumented; used where it is there, never required."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_LARGEST_BYTES = 65536
"""Today's files hold about 700 bytes."""


def read_record(config_dir: Path, pid: int) -> dict[str, Any] | None:
    """The record of the client process ``pid``; None when there is none, or it is half written or not understood."""
    path = config_dir / "sessions" / f"{pid}.json"
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_LARGEST_BYTES))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
