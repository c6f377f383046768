"""Marks and notifies decisions for a person or the orchestrator: once, and again if nobody reacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.planning import attention
from fleetscripts.core.planning.action_row import ESCALATE
from fleetscripts.core.planning.plan import all_done
from fleetscripts.core.spending.ceiling import Ceiling
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, AgentState
from fleetscripts.record import Escalation
from fleetscripts.services.notify.notify import notify, send_held
from fleetscripts.services.spending.spending import change_ledger

MOST_LINES = 12
"""Of one notification; the others are counted."""


def attend(
    fleet: Fleet,
    decisions: Sequence[tuple[Agent, Action]],
    settings: Settings,
    environ: Mapping[str, str],
    now: float,
    ceiling: Ceiling,
    send: Callable[..., list[str]] = notify,
) -> list[str]:
    """Mark escalated agents; notify of new decisions, a finished fleet, a cap that is near, a long wait. Returns the
    lines."""
    news = [
        (agent, action)
        for agent, action in decisions
        if attention.is_news(agent, action) and not attention.told_of_another(fleet, agent, action)
    ]
    store = Store(settings.state_file)
    lines = [f"{action.window} ({agent.worktree or agent.branch}): {_wording(action)}" for agent, action in news]
    if news:
        fleet = store.update(lambda current: _noticed(current, news, now))
    lines += _all_done(store, fleet, now)
    lines += _nearly_spent(settings, fleet, ceiling, now)
    lines += _unseen(store, fleet, decisions, settings, now)
    if not lines:
        return [f"not notified everywhere: {warning}" for warning in send_held(settings, environ)]
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    urgent = any(action.action == ESCALATE for _, action in news)
    warnings = send("\n".join([*lines[:MOST_LINES], *more]), settings, environ, urgent)
    _journal(Journal(settings.journal_file), news)
    return [*lines, *(f"not notified everywhere: {warning}" for warning in warnings)]


def _journal(journal: Journal, news: Sequence[tuple[Agent, Action]]) -> None:
    """Written after notifying: an unwritable journal must not suppress a notification."""
    for agent, action in news:
        event = "escalated" if action.action == ESCALATE else "decision"
        journal.write(event, id=agent.id, window=agent.window, why=action.reason, action=action.action)


def _wording(action: Action) -> str:
    return f"escalated, {action.reason}" if action.action == ESCALATE else f"{action.action}: {action.reason}"


def _noticed(fleet: Fleet, news: Sequence[tuple[Agent, Action]], now: float) -> Fleet:
    """Mark each occasion as notified; escalated agents get their state, unless somebody has changed it since."""
    for agent, action in news:
        known = fleet.current(agent)
        if known is None:
            continue
        fleet = fleet.change(known, notices={"last": attention.notice_of(agent, action), "last_at": now})
        if action.action == ESCALATE and known.state is agent.state:
            why = Escalation(action.reason, now)
            fleet = fleet.change(known, state=AgentState.ESCALATED, escalation=why, attempts={"rounds": 0})
    return fleet


def _all_done(store: Store, fleet: Fleet, now: float) -> list[str]:
    """Notified once; a new agent, or one back at work, makes it news again."""
    if attention.newly_done(fleet):
        store.update(lambda current: replace(current, all_done_notified_at=now))
        return [f"all agents are done: {attention.summary(fleet.agents)}"]
    if fleet.all_done_notified_at and not all_done(fleet.agents):
        store.update(lambda current: replace(current, all_done_notified_at=0))
    return []


def _nearly_spent(settings: Settings, fleet: Fleet, ceiling: Ceiling, now: float) -> list[str]:
    """Notified once for each cap, again after another cap's worth was allowed."""
    near = list(ceiling.near(fleet.agents))
    if not near:
        return []
    told = [(standing.key, standing.base) for _, standing in near]
    change_ledger(settings, lambda ledger: ledger.with_told(told), now)
    return [f"{f'{agent.called}: ' if agent is not None else ''}{standing.words}" for agent, standing in near]


def _unseen(
    store: Store, fleet: Fleet, decisions: Sequence[tuple[Agent, Action]], settings: Settings, now: float
) -> list[str]:
    """Notify when something has waited long and no supervisor called poll-cycle or status."""
    deciding = [
        known for agent, _ in decisions if (known := fleet.current(agent)) is not None and known.notices.last_at
    ]
    since = attention.waiting_since(fleet, deciding)
    if since is None or not attention.unseen(fleet, since, settings.orchestrator_unseen_seconds, now):
        return []
    store.update(lambda current: replace(current, orchestrator_called_at=now))
    waiting = ", ".join(dict.fromkeys(action.window for _, action in decisions)) or "an agent"
    minutes = (now - max(since, fleet.orchestrator_seen_at)) / 60
    return [f"nobody has looked for {minutes:.0f} minutes; waiting: {waiting}"]
