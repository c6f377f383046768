"""Our status line in a client's settings: it tells the ledger what the client says of its account."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, TypedDict

from fleetscripts.account import OWN, Account, own_account
from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.config import Settings

SCRIPT = Path(__file__).resolve().parents[2] / "statusline.py"
LARGEST_BYTES = 1 << 20


class StatusLine(TypedDict, total=False):
    """Arguments for ``settings_json``; none where there is nothing to tell."""

    statusline: str
    more: dict[str, Any]


def status_line(settings: Settings, account: str) -> StatusLine:
    """For a client on this account. What else the user's own status line is set to (padding) stays as it is."""
    known = next((one for one in _known(settings) if one.name == (account or OWN)), None)
    if not settings.statusline or known is None:
        return {}
    command = shlex.join([sys.executable, "-I", "-S", str(SCRIPT), str(settings.fleet_home), known.name])
    own = _own(known.config_dir or settings.claude_config_dir)
    kept = {name: value for name, value in own.items() if isinstance(value, int | float | bool)}
    return {"statusline": command, **({"more": {"statusLine": kept}} if kept else {})}


def _known(settings: Settings) -> tuple[Account, ...]:
    """Those that are listed, and the user's own login."""
    return (*read_accounts(settings.fleet_home), own_account("claude"))


def _own(config_dir: Path) -> dict[str, Any]:
    """The user's own setting; a file that makes no sense is the client's to complain about."""
    try:
        line = json.loads(read_regular(config_dir / "settings.json", LARGEST_BYTES)).get("statusLine")
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return line if isinstance(line, dict) else {}
