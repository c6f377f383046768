"""Chooses the account of the next client: by budget, spread over accounts, paid ones only where allowed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from fleetscripts.account import Account, own_account, own_name
from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.agents import DEFAULT_KIND, KINDS
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.core.planning.budget import CLOSED, AccountBudget, choose, earliest, standings
from fleetscripts.core.planning.rescue import Pick
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState
from fleetscripts.services.accounts.accounts import listed

GONE = frozenset({AgentState.DONE, AgentState.RECYCLED, AgentState.RATE_LIMITED})
"""States of agents that use nothing of their account."""


def pick(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    agent: str = DEFAULT_KIND,
    keep: str = "",
    exclude: frozenset[str] = frozenset(),
    busy: Mapping[str, int] | None = None,
    now: float | None = None,
    models: Collection[str] = (),
) -> Pick | None:
    """The account for one more client of this kind; None if none may be used now.

    ``keep``: the conversation's account, which it keeps while that has budget. ``busy``: live agents by account, read
    from the state file if not given. Accounts that bill by use come last and only with ``may_spend``; another client's
    come in the order of the file. ``models``: those it may work on, if known."""
    known = known_standings(settings, agent, time.time() if now is None else now, models)
    own_kind = [found for found in known if found.account.agent == agent]
    counts = busy_accounts(settings) if busy is None else busy
    subscriptions = [found for found in own_kind if not found.account.bills_by_use]
    best = choose(subscriptions, counts, keep, exclude)
    if best is not None:
        return Pick(best.account, _why(best, counts, keep))
    return _fallback(known, agent, exclude)


def known_standings(
    settings: Settings, agent: str = "", now: float | None = None, models: Collection[str] = ()
) -> list[AccountBudget]:
    """Every account, best first. ``agent``: the user's own login counts if no account of this kind is listed; empty: so
    do the own logins of which something is known."""
    ledger = AccountLedger(settings.fleet_home).read()
    accounts = listed(settings, agent) if agent else (*_with_own(settings, ledger),)
    return standings(accounts, ledger, time.time() if now is None else now, models)


def _with_own(settings: Settings, known: Collection[str]) -> Iterator[Account]:
    accounts = read_accounts(settings.fleet_home) or listed(settings)
    yield from accounts
    kinds = [kind for kind in KINDS if all(account.agent != kind for account in accounts)]
    yield from (own_account(kind) for kind in kinds if own_name(kind) in known)


def earliest_reset(settings: Settings, *, agent: str) -> float:
    """When the first capped account of this kind has budget again; 0 if unknown."""
    return earliest(found for found in known_standings(settings, agent) if found.account.agent == agent)


def busy_accounts(settings: Settings) -> Counter[str]:
    """Agents per account by the state file; empty without one."""
    try:
        fleet = Store(settings.state_file).read()
    except StateMissing:
        return Counter()
    return Counter(agent.account for agent in fleet.agents if agent.account and agent.state not in GONE)


def account_to_resume(settings: Settings, environ: Mapping[str, str], agent: Agent) -> str:
    """The account on which this agent's conversation continues: its own while that has budget, or if none has any."""
    accounts = [account for account in read_accounts(settings.fleet_home) if account.agent == agent.agent]
    if not accounts:
        return ""
    chosen = pick(settings, environ, agent=agent.agent, keep=agent.account)
    if chosen is not None and not chosen.kind_changes:
        return chosen.account.name
    return agent.account if agent.account in [account.name for account in accounts] else accounts[0].name


def _fallback(known: Sequence[AccountBudget], agent: str, exclude: frozenset[str]) -> Pick | None:
    """The next provider in the list."""
    rest = [found for found in known if found.account.bills_by_use or found.account.agent != agent]
    for found in sorted(rest, key=lambda one: one.account.order):
        account = found.account
        if account.name in exclude or found.state in CLOSED or not account.may_be_used:
            continue
        if account.agent == agent or (kind_named(account.agent).hands_over and kind_named(agent).hands_over):
            why = "bills by use, as its entry allows" if account.bills_by_use else f"{account.agent}, {found.state}"
            reason = f"no {agent} subscription has budget: next in the list ({why})"
            return Pick(account, reason, kind_changes=account.agent != agent)
    return None


def _why(found: AccountBudget, busy: Mapping[str, int], keep: str) -> str:
    agents = busy.get(found.account.name, 0)
    load = f"{agents} agent{'' if agents == 1 else 's'} on it" if agents else "no agent on it"
    left = f"{found.left:.0f}% left" if found.state == "ok" else "budget unknown"
    stays = "the conversation's own account, " if keep and keep == found.account.name else ""
    return f"{stays}{left}, {load}"
