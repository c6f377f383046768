"""Records usage limits seen in a poll, and chooses an account for each agent that hit one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fleetscripts.account import Account
from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.rescue import Pick, limit_of, models_used
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Classification, ErrorKind, PaneState
from fleetscripts.services.accounts.accounts import not_shared, on_record
from fleetscripts.services.accounts.launcher import GONE, pick
from fleetscripts.usage import LOGIN


def picks_of(
    settings: Settings, fleet: Fleet, looks: Sequence[tuple[Agent, Observation]], now: float
) -> dict[str, Pick]:
    """For each agent that cannot continue where it is, an account for it, by ``Agent.key``."""
    accounts = read_accounts(settings.fleet_home)
    wanting = [
        (agent, seen)
        for agent, seen in looks
        if wants_account(agent, seen.classification) or rests_on(agent, seen.classification, accounts, now)
    ]
    if not wanting or not accounts:
        return {}
    busy = busy_among(fleet.agents)
    found: dict[str, Pick] = {}
    for agent, seen in wanting:
        chosen = next_account(settings, agent, seen.classification, now, busy)
        if chosen is not None:
            saves = rests_on(agent, seen.classification, accounts, now)
            found[agent.key] = replace(chosen, saves=saves)
    return found


def wants_account(agent: Agent, found: Classification) -> bool:
    """Whether it is at a limit, has a refused login, or is between two accounts."""
    if agent.finished or agent.hold.reason or found.state is PaneState.RUNNING:
        return False
    return bool(agent.rescue.stage) or found.state is PaneState.RATE_LIMITED or found.error is ErrorKind.AUTH


def rests_on(agent: Agent, found: Classification, accounts: Sequence[Account], now: float) -> bool:
    """Whether it is at its prompt, with unfinished work, where each turn costs: on an account that bills by use, or
    beyond its subscription without permission."""
    idle = agent.finished or agent.hold.reason or agent.rescue.stage
    own = next((account for account in accounts if account.name == agent.account), None)
    beyond = agent.seen.spends_until > now and (own is None or not own.may_spend)
    costs = beyond or (own is not None and own.bills_by_use)
    return not idle and found.state is PaneState.PROMPT and costs


def unreachable(settings: Settings, kind: str) -> frozenset[str]:
    """The accounts of this kind whose client would not find a conversation begun on another one."""
    accounts = read_accounts(settings.fleet_home)
    return frozenset(one.name for one in accounts if one.agent == kind and not_shared(one, settings))


def next_account(
    settings: Settings, agent: Agent, found: Classification, now: float, busy: Mapping[str, int] | None = None
) -> Pick | None:
    """The account to continue on; never the one that refuses, and one on which it failed only if there is no other."""
    refused = found.state in (PaneState.RATE_LIMITED, PaneState.API_ERROR)
    here = frozenset({account_of(settings, agent)} if refused else ())
    accounts = read_accounts(settings.fleet_home)
    resting = rests_on(agent, found, accounts, now)
    if resting:
        here = frozenset({account_of(settings, agent), *(one.name for one in accounts if one.bills_by_use)})
    here |= unreachable(settings, agent.agent)
    if agent.task.reviews:
        here |= {one.name for one in accounts if not kind_named(one.agent).read_only.is_possible}
    failed = here | set(agent.attempts.failed_accounts)
    keep = agent.account if agent.rescue.stage and not refused else ""

    def choose(exclude: frozenset[str]) -> Pick | None:
        models = models_used(agent, found)
        return pick(settings, {}, agent=agent.agent, keep=keep, exclude=exclude, busy=busy, now=now, models=models)

    chosen = choose(failed)
    if chosen is None and failed > here and found.error is not ErrorKind.AUTH:
        chosen = choose(here)
    return None if resting and chosen is not None and chosen.kind_changes else chosen


def note_walls(settings: Settings, looks: Iterable[tuple[Agent, Observation]], now: float) -> None:
    """Record in the ledger every account at whose limit an agent is."""
    for agent, seen in looks:
        note_wall(settings, agent, seen.classification, now)


def note_wall(settings: Settings, agent: Agent, found: Classification, now: float) -> None:
    """As of when the limit was reached, if the transcript says; a limit that has reset since does not count."""
    if found.error is not ErrorKind.AUTH and found.state is not PaneState.RATE_LIMITED:
        return
    hit = min((piece.at for piece in found.evidence if piece.state is found.state and piece.at), default=now)
    source = str(found.source or "screen")
    account = account_of(settings, agent)
    if found.error is ErrorKind.AUTH:
        AccountLedger(settings.fleet_home).note_wall(account, LOGIN, None, hit, source)
    if found.state is not PaneState.RATE_LIMITED or (found.resets_at and found.resets_at <= now):
        return
    AccountLedger(settings.fleet_home).note_wall(account, limit_of(found), found.resets_at, hit, source)


def account_of(settings: Settings, agent: Agent) -> str:
    """Its account: by the record, else by its status line; else the user's own login of its kind."""
    known = agent.account or AccountLedger(settings.fleet_home).account_of(agent.session_id)
    return on_record(settings, agent.agent, known)


def busy_among(agents: Iterable[Agent]) -> dict[str, int]:
    """Agents per account."""
    counts: dict[str, int] = {}
    for agent in agents:
        if agent.account and agent.state not in GONE:
            counts[agent.account] = counts.get(agent.account, 0) + 1
    return counts
