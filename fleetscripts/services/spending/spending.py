"""Records the fleet's usage as it is observed: each conversation once, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fleetscripts.account import own_name
from fleetscripts.adapters.records.spent_file import Members, SpentFile
from fleetscripts.agents import KINDS
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.core.spending.caps import begun_at, day_of
from fleetscripts.core.spending.ledger import KEPT_DAYS, Ledger, LedgerKey, SessionUsage, money
from fleetscripts.core.spending.ledger_json import LedgerDamaged, parsed, written
from fleetscripts.fleet import Agent
from fleetscripts.models import PaneState

if TYPE_CHECKING:
    from fleetscripts.core.planning.observation import Observation


def ledger_of(settings: Settings) -> Ledger:
    """The stored ledger; an empty one if it is damaged."""
    return ledger_in(settings.fleet_home)


def ledger_in(fleet_home: Path) -> Ledger:
    """The same, for the fleets of this folder."""
    try:
        return parsed(SpentFile(fleet_home).read())
    except LedgerDamaged:
        return Ledger()


def note_spent(settings: Settings, looks: Iterable[tuple[Agent, Observation]], now: float, every: bool) -> Ledger:
    """The ledger with these agents' usage. ``every``: including those in the middle of a turn."""
    before = ledger_of(settings)
    today = day_of(_moment(now))
    found = [
        (agent, used, str(seen.transcript))
        for agent, seen in looks
        if agent.id and (every or seen.classification.state is not PaneState.RUNNING)
        for used in _used(settings, agent, seen, before)
    ]

    def noted(ledger: Ledger) -> Ledger:
        for agent, used, file in found:
            ledger = ledger.noted(_where(agent, today), used)
            if ledger.current.get(agent.id) != file:
                ledger = replace(ledger, current={**ledger.current, agent.id: file})
        return ledger

    return before if noted(before) == before else change_ledger(settings, noted, now)


def begin_spent(settings: Settings, seen: Observation, now: float) -> None:
    """Usage of an adopted agent's conversation so far is not the fleet's."""
    today = day_of(_moment(now))
    for used in _used_in(settings, seen.kind, Path(str(seen.transcript)), seen.session_id) if seen.transcript else ():
        change_ledger(settings, lambda ledger, used=used: ledger.begun(used, today), now)  # type: ignore[misc]


def change_ledger(settings: Settings, change: Callable[[Ledger], Ledger], now: float) -> Ledger:
    """Apply the change and store the ledger. A damaged one is started anew: the conversations have all usage."""
    file, after = SpentFile(settings.fleet_home), Ledger()
    first = day_of(_moment(now) - timedelta(days=KEPT_DAYS))

    def apply(members: Members | None) -> Members | None:
        nonlocal after
        try:
            before = parsed(members)
        except LedgerDamaged:
            file.set_aside()
            before = Ledger()
        changed = change(before)
        after = before if changed == before else changed.since(first)
        return None if after == before else written(after)

    file.update(apply)
    return after


def _used(settings: Settings, agent: Agent, seen: Observation, known: Ledger) -> Iterator[SessionUsage]:
    """By its conversation, and by the one before if it has started another since the last look."""
    if seen.transcript is None or seen.kind not in KINDS:
        return
    before = known.current.get(agent.id, "")
    if before and before != str(seen.transcript):
        yield from _used_in(settings, seen.kind, Path(before), "")
    yield from _used_in(settings, seen.kind, Path(str(seen.transcript)), seen.session_id)


def _used_in(settings: Settings, kind: str, transcript: Path, session_id: str) -> Iterator[SessionUsage]:
    try:
        stated = money(SpentFile(settings.fleet_home).cost_stated(session_id))
    except ValueError:
        stated = 0.0
    days = kind_named(kind).used(settings.fleet_home, transcript)
    if days or stated:
        yield SessionUsage(transcript.stem, days, stated)


def _where(agent: Agent, today: str) -> LedgerKey:
    return LedgerKey(
        day=today,
        agent=agent.id,
        worktree=agent.worktree,
        branch=agent.branch,
        task=agent.task.file,
        begun=begun_at(agent),
        account=agent.account or own_name(agent.agent),
    )


def _moment(now: float) -> datetime:
    """On this machine's clock."""
    return datetime.fromtimestamp(now).astimezone()
