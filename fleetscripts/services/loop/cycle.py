"""One poll: observe, classify, plan, record. Types nothing and verifies nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.planning.attention import clamp_future_times
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.plan import plan
from fleetscripts.core.planning.progress import note
from fleetscripts.core.records.own_session import with_session_of
from fleetscripts.core.reports.state_lines import untold
from fleetscripts.core.spending.ceiling import Ceiling
from fleetscripts.core.spending.holding import held
from fleetscripts.dataclass import dataclass, replace
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action
from fleetscripts.services.accounts.account_choice import note_walls, picks_of
from fleetscripts.services.observe.fleet_look import look_at
from fleetscripts.services.spending.ceiling import ceiling_over
from fleetscripts.services.spending.spending import note_spent
from fleetscripts.services.worktrees.moved import follow_moved


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle's observations, as recorded, and its proposals. ``moved``: something changed since the last one.
    ``ceiling``: the use of spending caps. ``observed``: the panes as they were seen, by id. ``at``: the time for which
    the actions were proposed."""

    fleet: Fleet
    looks: tuple[tuple[Agent, Observation], ...]
    actions: tuple[Action, ...]
    moved: bool
    observed: Mapping[str, Observation] = field(default_factory=dict)
    at: float = 0
    ceiling: Ceiling = field(default_factory=Ceiling)


def run_cycle(
    store: Store,
    settings: Settings,
    now: float,
    orchestrator_looks: bool = False,
    panes: Collection[str] | None = None,
    slept: bool = False,
    look: Callable[..., list[tuple[Agent, Observation]]] = look_at,
) -> Cycle:
    """Look at every agent once, record the result in one write, and propose. ``panes``: only agents that have these.
    ``slept``: nobody watched until now, whatever the record says."""
    before, _ = follow_moved(store, settings, store.read())
    looks = look(before, settings, now, panes)
    limits = limits_of(settings)
    spent = note_spent(settings, looks, now, every=panes is None)
    ceiling = ceiling_over(settings, before, now, spent)
    unwatched = slept or not 0 <= now - before.last_poll_at <= longest_gap(settings)

    told: list[dict[str, Any]] = []

    def record(fleet: Fleet) -> Fleet:
        news: list[tuple[Agent, Agent]] = []
        for (agent, seen), known in zip(looks, _current_of(fleet, looks), strict=True):
            if known is not None and _is_same_agent(known, agent):
                noted = note(known, seen, limits.idle_threshold_seconds, now, unwatched)
                noted = held(noted, ceiling.reached(noted), now)
                if panes is None or replace(noted, last_seen_at=known.last_seen_at) != known:
                    news.append((known, noted))
                fleet = with_session_of(fleet, seen.facts, seen.server) if seen.exists else fleet
        fleet = clamp_future_times(fleet.exchange_all(news), now)
        if orchestrator_looks:
            fleet = replace(fleet, orchestrator_seen_at=now, orchestrator_called_at=0)
        fleet, told[:] = untold(fleet)
        return replace(fleet, last_poll_at=now) if panes is None else fleet

    after = store.update(record)
    journal = Journal(settings.journal_file)
    for line in told:
        journal.write("state", **line)
    known_now = _current_of(after, looks)
    recorded = tuple(
        (known, seen)
        for (looked_at, seen), known in zip(looks, known_now, strict=True)
        if known is not None and known.task.started_at == looked_at.task.started_at
    )
    note_walls(settings, recorded, now)
    picks = picks_of(settings, after, recorded, now)
    observed = {seen.facts.pane_id: seen for _, seen in looks if seen.exists}
    actions = tuple(plan(recorded, limits, now, picks))
    return Cycle(after, recorded, actions, _moved(before, after), observed, now, ceiling)


def _current_of(fleet: Fleet, looks: Iterable[tuple[Agent, Observation]]) -> Iterator[Agent | None]:
    """The records of those that were looked at, as they stand in the fleet."""
    by_key = {key: known for known in reversed(fleet.agents) for key in known.keys}
    for agent, _ in looks:
        known = next((by_key[key] for key in agent.keys if key in by_key), None)
        yield known if known is not None and known.is_same(agent) else fleet.current(agent)


def _is_same_agent(known: Agent, looked_at: Agent) -> bool:
    """Whether a look still applies to this record: it may have been moved, or given a task or another conversation
    since."""

    def about(agent: Agent) -> tuple[object, ...]:
        return agent.pane_id, agent.window, agent.task.started_at, agent.session_id, agent.agent

    return about(known) == about(looked_at)


def limits_of(settings: Settings) -> Limits:
    """The thresholds in force."""
    accounts = read_accounts(settings.fleet_home)
    return Limits(
        idle_threshold_seconds=settings.idle_threshold_seconds,
        nudge_cooldown_seconds=settings.nudge_cooldown_seconds,
        verify_pause_seconds=settings.poll_interval_seconds,
        retry_pause_seconds=settings.retry_pause_seconds,
        nudges=settings.supervision == "active",
        accounts=bool(accounts),
        may_spend=frozenset(account.name for account in accounts if account.may_spend),
    )


def longest_gap(settings: Settings) -> float:
    """Longest gap in seconds between two looks that still count as watching: after a longer one, the machine slept or
    nobody looked."""
    return max(4 * settings.idle_threshold_seconds, 2 * settings.poll_idle_max_seconds)


def _moved(before: Fleet, after: Fleet) -> bool:
    """Whether any agent's screen, state or number changed."""

    def picture(fleet: Fleet) -> list[tuple[object, ...]]:
        return [(agent.key, agent.state, agent.seen.pane_state, agent.last_output_hash) for agent in fleet.agents]

    return picture(before) != picture(after)
