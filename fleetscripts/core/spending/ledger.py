"""What was spent, in rows by day, agent, task and account. What a conversation has used is counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from fleetscripts.core.spending.tokens import NONE, Tokens
from fleetscripts.dataclass import dataclass

KEPT_DAYS = 180
"""Rows of earlier days are dropped, and conversations that nothing was noted of since."""


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """What a row is of. ``day``: as ``2026-11-27``, of this machine. ``task``: the name of its file, where it has one;
    ``begun``: when it began, Unix seconds."""

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
        """Both together."""
        return Spend(self.tokens.plus(other.tokens), self.usd + other.usd)


NOTHING = Spend()


@dataclass(frozen=True, slots=True)
class CountedConversation:
    """What is counted already of one conversation, and the day on which that last grew."""

    spent: Spend = NOTHING
    day: str = ""


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """What one conversation has used by now, in all: by day, and the money that its client states."""

    session: str
    days: Mapping[str, Tokens]
    usd: float = 0.0

    @property
    def total(self) -> Tokens:
        """Of all days."""
        return total(self.days.values())


@dataclass(frozen=True, slots=True)
class Ledger:
    """``current``: the conversation's file that each agent was last seen with. ``allowed``: by a cap's key, how much
    was spent when somebody allowed another cap's worth. ``told``: the same, when somebody was told that it is near."""

    rows: Mapping[LedgerKey, Spend] = field(default_factory=dict)
    sessions: Mapping[str, CountedConversation] = field(default_factory=dict)
    current: Mapping[str, str] = field(default_factory=dict)
    allowed: Mapping[str, float] = field(default_factory=dict)
    told: Mapping[str, float] = field(default_factory=dict)

    def noted(self, where: LedgerKey, used: SessionUsage) -> Ledger:
        """With what the conversation used more than is known, on the days on which it did. ``where.day``: today, for
        what tells no day, or one that is still to come."""
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
        """With all that this conversation has used so far counted as known, or as somebody else's."""
        known = self.sessions.get(used.session, CountedConversation()).spent
        after = Spend(Tokens(*map(max, known.tokens, used.total)), max(known.usd, used.usd))
        return replace(self, sessions={**self.sessions, used.session: CountedConversation(after, today)})

    def with_allowed(self, standings: Iterable[tuple[str, float]]) -> Ledger:
        """With another cap's worth allowed beyond these amounts, by the caps' keys."""
        return replace(self, allowed={**self.allowed, **dict(standings)})

    def with_told(self, standings: Iterable[tuple[str, float]]) -> Ledger:
        """With somebody told that these caps are near, by their keys and bases."""
        return replace(self, told={**self.told, **dict(standings)})

    def since(self, first: str) -> Ledger:
        """Without what is of days before the first."""
        return replace(
            self,
            rows={where: spent for where, spent in self.rows.items() if where.day >= first},
            sessions={name: known for name, known in self.sessions.items() if known.day >= first},
        )


def total(tokens: Iterable[Tokens]) -> Tokens:
    """All together."""
    found = NONE
    for one in tokens:
        found = found.plus(one)
    return found


def _add(rows: dict[LedgerKey, Spend], where: LedgerKey, spent: Spend) -> None:
    rows[where] = rows.get(where, NOTHING).plus(spent)
