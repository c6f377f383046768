"""Our status line in a client's settings, which records the account's usage in the ledger."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from fleetscripts.account import Account, own_account, own_name
from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.agents.kinds import AgentKind, InlineSettings
from fleetscripts.config import Settings

SCRIPT = Path(__file__).resolve().parents[2] / "statusline.py"


def with_status_line(settings: Settings, kind: AgentKind, account: str) -> InlineSettings:
    """For a client on this account; without a status line if the user wants none, or the account is unknown."""
    name = account or own_name(kind.name)
    known = next((one for one in _known(settings, kind) if one.name == name), None)
    folder = known.config_dir if known is not None else None
    command = shlex.join([sys.executable, "-I", "-S", str(SCRIPT), str(settings.fleet_home), name])
    wanted = settings.statusline and known is not None
    return InlineSettings(folder or settings.home_of(kind.name), statusline=command if wanted else "")


def _known(settings: Settings, kind: AgentKind) -> tuple[Account, ...]:
    """The listed accounts, and the user's own login."""
    return (*read_accounts(settings.fleet_home), own_account(kind.name))
