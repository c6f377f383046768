"""Claude Code's session registry: one file a live session, undocumented; used where it is there, never required."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.models import DialogKind

_LARGEST_BYTES = 65536
"""Today's files hold about 700 bytes."""

DIALOGS: Mapping[str, DialogKind] = {
    "permission prompt": DialogKind.PERMISSION,
    "sandbox request": DialogKind.PERMISSION,
    "worker request": DialogKind.PERMISSION,
    "input needed": DialogKind.QUESTION,
    "dialog open": DialogKind.MENU,
}
"""What a record's ``waitingFor`` says stands before the input box."""


def read_record(config_dir: Path, pid: int) -> dict[str, Any] | None:
    """The record of the client process ``pid``; None when there is none, or it is half written or not understood."""
    try:
        return parse_line(read_regular(config_dir / "sessions" / f"{pid}.json", _LARGEST_BYTES))
    except OSError:
        return None
