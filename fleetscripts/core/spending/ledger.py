"""Amounts spent, in rows by day, agent, task and account. A conversation's usage is counted once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from fleetscripts.core.spending.tokens import NONE, Tokens
from fleetscripts.dataclass import dataclass

KEPT_DAYS = 180
"""Older rows are dropped, and conversations without news since."""


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """A row's key. ``day``: as ``2026-11-27``, of this machine. ``task``: its file's name, if any; ``begun``: when it
    began, Unix seconds."""

    day: str
    agent: str
    worktree: str
    branch: str
    task: str
    begun: float
    account: str


@dataclass(frozen=True, slots=True)
class Spend:
    """``usd``: as the client states it, which not every client does."""

    tokens: Tokens = NONE
    usd: float = 0.0

    def plus(self, other: Spend) -> Spend:
        return Spend(self.tokens.plus(other.tokens), self.usd + other.usd)


NOTHING = Spend()


@dataclass(frozen=True, slots=True)
class CountedConversation:
    """What has been counted of one conversation, and the day on which it last grew."""

    spent: Spend = NOTHING
    day: str = ""


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """One conversation's total usage so far: tokens by day, and the cost that its client states."""

    session: str
    days: Mapping[str, Tokens]
    usd: float = 0.0

    @property
    def total(self) -> Tokens:
        """Over all days."""
        return total(self.days.values())


@dataclass(frozen=True, slots=True)
class Ledger:
    """``current``: the conversation's file that each agent was last seen with. ``allowed``: by cap key, the amount
    spent when another cap's worth was allowed. ``told``: the same for the notification that it is near."""

    rows: Mapping[LedgerKey, Spend] = field(default_factory=dict)
    sessions: Mapping[str, CountedConversation] = field(default_factory=dict)
    current: Mapping[str, str] = field(default_factory=dict)
    allowed: Mapping[str, float] = field(default_factory=dict)
    told: Mapping[str, float] = field(default_factory=dict)

    def noted(self, where: LedgerKey, used: SessionUsage) -> Ledger:
        """With the conversation's new usage, on the days when it occurred. ``where.day``: today, for usage without a
        day, or with one in the future."""
        known = self.sessions.get(used.session, CountedConversation()).spent
        more, money = used.total.minus(known.tokens), max(0.0, used.usd - known.usd)
        if more == NONE and not money:
            return self
        rows = dict(self.rows)
        for day in sorted(used.days, reverse=True):
            part = Tokens(*map(min, more, used.days[day]))
            more = more.minus(part)
            if part != NONE:
                _add(rows, replace(where, day=min(day or where.day, where.day)), Spend(part))
        if money:
            _add(rows, where, Spend(usd=money))
        after = Spend(Tokens(*map(max, known.tokens, used.total)), max(known.usd, used.usd))
        return replace(self, rows=rows, sessions={**self.sessions, used.session: CountedConversation(after, where.day)})

    def begun(self, used: SessionUsage, today: str) -> Ledger:
        """With all that this conversation has used so far counted before, or for somebody else."""
        known = self.sessions.get(used.session, CountedConversation()).spent
        after = Spend(Tokens(*map(max, known.tokens, used.total)), max(known.usd, used.usd))
        return replace(self, sessions={**self.sessions, used.session: CountedConversation(after, today)})

    def with_allowed(self, standings: Iterable[tuple[str, float]]) -> Ledger:
        """With another cap's worth allowed beyond these amounts, by cap key."""
        return replace(self, allowed={**self.allowed, **dict(standings)})

    def with_told(self, standings: Iterable[tuple[str, float]]) -> Ledger:
        """With notifications that these caps are near noted, by their keys and bases."""
        return replace(self, told={**self.told, **dict(standings)})

    def since(self, first: str) -> Ledger:
        """Without days before the first."""
        return replace(
            self,
            rows={where: spent for where, spent in self.rows.items() if where.day >= first},
            sessions={name: known for name, known in self.sessions.items() if known.day >= first},
        )


def total(tokens: Iterable[Tokens]) -> Tokens:
    found = NONE
    for one in tokens:
        found = found.plus(one)
    return found


def money(value: object) -> float:
    """A finite number, not negative; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"expected an amount, found {value!r}")
    return float(value)


def _add(rows: dict[LedgerKey, Spend], where: LedgerKey, spent: Spend) -> None:
    rows[where] = rows.get(where, NOTHING).plus(spent)
