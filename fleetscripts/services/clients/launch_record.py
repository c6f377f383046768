"""The record of a conversation that ``cl`` opens: where it ran, whether it runs, on which account it continues."""

from __future__ import annotations

import time
from dataclasses import replace

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.config import Settings
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.services.observe.conversations import open_conversations


def recorded(settings: Settings, session_id: str) -> Agent | None:
    """The agent with this conversation; None without a fleet, or if it is nobody's."""
    try:
        agents = Store(settings.state_file).read().agents
    except StateMissing:
        return None
    known = [agent for agent in agents if session_id and session_id in (agent.session_id, *agent.session_ids)]
    return known[-1] if known else None


def account_of(settings: Settings, session_id: str) -> str:
    """The account that it ran on: by the record, else by its status line; empty if unknown."""
    if not session_id:
        return ""
    agent = recorded(settings, session_id)
    return (agent.account if agent is not None else "") or AccountLedger(settings.fleet_home).account_of(session_id)


def refuse_open(settings: Settings, session_id: str) -> None:
    """Refuse a conversation that a live client has open: a second one would start silently and corrupt it."""
    known = open_conversations(settings, (), time.time()).get(session_id)
    if known is not None:
        raise Refusal(
            f"conversation {session_id} is open already ({known.kind}, pid {known.pid}): end that client first"
        )


def note_launch(settings: Settings, session_id: str, account: str, agent_kind: str) -> None:
    """Record account and client, and the hand-over if the client is another one."""
    known = recorded(settings, session_id)
    if known is None or (known.account, known.agent) == (account, agent_kind):
        return
    moved: list[Agent] = []

    def move(fleet: Fleet) -> Fleet:
        agent = fleet.current(known)
        if agent is None:
            return fleet
        changed = replace(agent, account=account)
        if agent.agent != agent_kind:
            ids = tuple(dict.fromkeys((*agent.session_ids, agent.session_id)))
            source = f"{agent.agent}:{agent.session_id}"
            changed = changed.changed(
                agent=agent_kind, session_id="", session_ids=ids, rescue={"handover_from": source}
            )
        moved.append(changed)
        return fleet.with_agent(changed)

    Store(settings.state_file).update(move)
    if moved:
        how = "handed over" if moved[0].agent != known.agent else "moved"
        Journal(settings.journal_file).write(
            "account",
            id=moved[0].id,
            window=moved[0].window,
            why=f"{how} by cl",
            before=known.account,
            account=account,
            agent=agent_kind,
        )
