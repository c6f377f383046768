"""Spending caps: as configured, and how much of each is used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from fleetscripts.config_table import Table
from fleetscripts.core.spending.ledger import NOTHING, Ledger, Spend
from fleetscripts.core.spending.tokens import MOST, shown
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.fleet import Agent
from fleetscripts.pattern import pattern
from fleetscripts.schema import describe

TABLE = "caps"
AGENT, TASK, DAY, FLEET = "agent", "task", "day", "fleet"
SCOPES = (AGENT, TASK, DAY, FLEET)
SHARED = (DAY, FLEET)
"""Scopes with more than one agent."""

NEAR = 0.8
"""Share of a cap at which a person is notified."""

_AMOUNT = pattern(r"(?P<dollar>\$ ?)?(?P<number>[0-9][0-9_]*(?:\.[0-9]+)?) ?(?P<unit>[kKMG]|USD)?", re.ASCII)
_TIMES = {None: 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_WHOSE = {AGENT: "its", TASK: "its task's", DAY: "today's", FLEET: "the fleet's"}


@dataclass(frozen=True, slots=True)
class Cap:
    """``money``: in US dollars, as the clients state it; else in tokens, without those read from a cache."""

    scope: str
    amount: float
    money: bool = False

    def of(self, spent: Spend) -> float:
        """The amount that counts towards it."""
        return spent.usd if self.money else spent.tokens.counted

    def words(self, amount: float) -> str:
        """An amount in its unit."""
        return f"${amount:.2f}" if self.money else f"{shown(int(amount))} tokens"


@dataclass(frozen=True, slots=True)
class CapUse:
    """How much of a cap is used, since somebody last allowed another cap's worth. ``key`` names its subject.
    ``central``: it is the central's, over all machines."""

    cap: Cap
    key: str
    used: float
    base: float = 0.0
    central: bool = False

    @property
    def scope(self) -> str:
        return self.cap.scope

    @property
    def reached(self) -> bool:
        return self.used >= self.cap.amount

    @property
    def near(self) -> bool:
        return self.used >= self.cap.amount * NEAR

    @property
    def words(self) -> str:
        """``its cap of 2M tokens is reached (2.1M tokens)``."""
        how = "is reached" if self.reached else f"is used to {self.used / self.cap.amount:.0%}"
        whose = "the central's: " if self.central else ""
        amounts = f"{self.cap.words(self.cap.amount)} {how} ({self.cap.words(self.used)})"
        return f"{whose}{_WHOSE[self.cap.scope]} cap of {amounts}"


def caps_of(members: Mapping[str, object]) -> tuple[Cap, ...]:
    """The table ``[caps]`` of config.toml; UsageProblem names an invalid one."""
    table = Table.of(members, TABLE).only(SCOPES)
    found: list[Cap] = []
    for scope in (one for one in SCOPES if one in table.members):
        value = table.members[scope]
        found += [_cap(scope, one) for one in (value if isinstance(value, list) and value else [value])]
    return tuple(found)


def _cap(scope: str, value: object) -> Cap:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST:
        return Cap(scope, float(value))
    found = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        money, unit = bool(found["dollar"]) or found["unit"] == "USD", found["unit"]
        amount = float(found["number"].replace("_", "")) * (1 if money else _TIMES[unit])
        if 0 < amount <= MOST and not (found["dollar"] and unit):
            return Cap(scope, amount, money)
    raise UsageProblem(
        f'{TABLE}.{scope} in config.toml: expected tokens ("2M", "500k", 30000) or money ("$20"), more than none, '
        f"found {describe(value)}"
    )


def day_of(moment: datetime) -> str:
    """The day in a row's form."""
    return f"{moment:%Y-%m-%d}"


def begun_at(agent: Agent) -> float:
    """When its task began."""
    return agent.task.started_at or agent.spawned_at


def totals(ledger: Ledger, agents: Collection[str], today: str) -> Mapping[str, Spend]:
    """Amounts by cap subject: ``agent ID``, ``task NAME``, ``day TODAY``, ``fleet``. ``agents``: ids of the whole
    fleet."""
    found: dict[str, Spend] = {}
    for where, spent in ledger.rows.items():
        names = [f"{AGENT} {where.agent}", f"{TASK} {where.task or _unnamed(where.agent, where.begun)}"]
        names += [f"{DAY} {today}"] if where.day == today else []
        names += [FLEET] if where.agent in agents else []
        for name in names:
            found[name] = found.get(name, NOTHING).plus(spent)
    return found


def standings(
    caps: Iterable[Cap], ledger: Ledger, spent: Mapping[str, Spend], today: str, agent: Agent | None, task: str = ""
) -> tuple[CapUse, ...]:
    """Every cap that applies to this agent; None: to a future agent on the task in that file. ``spent``: the totals."""
    names = {DAY: f"{DAY} {today}", FLEET: FLEET}
    if agent is not None:
        names[AGENT] = f"{AGENT} {agent.id}"
        task = agent.task.file or _unnamed(agent.id, begun_at(agent))
    if task:
        names[TASK] = f"{TASK} {task}"
    return tuple(_standing(cap, names[cap.scope], ledger, spent) for cap in caps if cap.scope in names)


def _standing(cap: Cap, name: str, ledger: Ledger, spent: Mapping[str, Spend]) -> CapUse:
    key = f"{name} in {'USD' if cap.money else 'tokens'}"
    base = ledger.allowed.get(key, 0.0)
    return CapUse(cap, key, cap.of(spent.get(name, NOTHING)) - base, base)


def _unnamed(agent: str, begun: float) -> str:
    """The key of a task without a file."""
    return f"{agent}@{begun:.0f}"
