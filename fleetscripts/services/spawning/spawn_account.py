"""The account of a new agent."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.account import Account
from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.errors import NotYet
from fleetscripts.invocation import spelled
from fleetscripts.services.accounts.accounts import account_named
from fleetscripts.services.accounts.launcher import earliest_reset, pick
from fleetscripts.services.clients.launch_line import until
from fleetscripts.services.spawning.spawn_request import Request


def account_for(settings: Settings, environ: Mapping[str, str], request: Request) -> tuple[Account | None, str]:
    """The account, None for the user's own if none are listed, and a note for stderr. NotYet if no account has budget;
    another agent kind is used only if none was requested."""
    kind = kind_named(request.agent or DEFAULT_KIND).name
    if request.account:
        return account_named(settings, request.account, kind), ""
    if not read_accounts(settings.fleet_home):
        return None, ""
    chosen = pick(settings, environ, agent=kind)
    if chosen is None or (chosen.kind_changes and request.agent):
        raise NotYet(
            f"no {kind} account has budget{until(earliest_reset(settings, agent=kind))}; see {spelled('balance')} --why"
        )
    note = f"starts {chosen.account.agent} on account {chosen.account.name}: {chosen.reason}"
    return chosen.account, note if chosen.kind_changes else ""
