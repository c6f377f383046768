"""Usage and cost for people and programs. Tokens as caps count them: without those read from a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from fleetscripts.core.spending.caps import CapUse
from fleetscripts.core.spending.ledger import NOTHING, Ledger, LedgerKey, Spend, money
from fleetscripts.core.spending.tokens import Tokens, shown, whole

HEADINGS = ("TOKENS", "INPUT", "OUTPUT", "WRITTEN", "READ", "COST")
"""``WRITTEN`` to a cache, and ``READ`` from it."""

BY: Mapping[str, Callable[[LedgerKey], str]] = {
    "DAY": lambda where: where.day,
    "ACCOUNT": lambda where: where.account,
    "AGENT": lambda where: f"{where.worktree} ({where.agent})",
    "TASK": lambda where: where.task or where.branch,
}
"""The groupings, in the order shown."""


def spent_tables(ledger: Ledger) -> list[list[tuple[str, ...]]]:
    """A table for each of ``BY``, largest first, days in their order."""
    found = []
    for heading, name_of in BY.items():
        sums: dict[str, Spend] = {}
        for where, spent in ledger.rows.items():
            name = name_of(where)
            sums[name] = sums.get(name, NOTHING).plus(spent)
        by_size = sorted(sums.items(), key=lambda one: (-one[1].tokens.counted, one[0]))
        listed = sorted(sums.items()) if heading == "DAY" else by_size
        found.append([(heading, *HEADINGS), *((name, *cells(spent)) for name, spent in listed)])
    return found


def cells(spent: Spend) -> tuple[str, ...]:
    """In the order of HEADINGS."""
    tokens = spent.tokens
    kinds = (tokens.counted, tokens.input, tokens.output, tokens.cache_write, tokens.cache_read)
    return (*map(shown, kinds), cost(spent) or "-")


def cost(spent: Spend) -> str:
    """As the client states it; empty if it states none."""
    return f"${spent.usd:.2f}" if spent.usd else ""


def sentence(spent: Spend) -> str:
    """``1.2M tokens, $3.40``."""
    return ", ".join(filter(None, (f"{shown(spent.tokens.counted)} tokens", cost(spent))))


def members(ledger: Ledger, standings: Iterable[CapUse]) -> dict[str, Any]:
    """The object that ``--json`` prints: a row for each day, task and account of an agent; caps with their use."""
    rows = [
        {**asdict(where), **spent.tokens._asdict(), "tokens": spent.tokens.counted, "usd": spent.usd or None}
        for where, spent in ledger.rows.items()
    ]
    return {"rows": rows, "caps": [standing_members(one) for one in standings]}


def with_hosts(ledger: Ledger, hosts: Mapping[str, Any]) -> Ledger:
    """The ledger with hosts' printed objects added, their agents by their names from here. Invalid ones are left
    out."""
    rows = dict(ledger.rows)
    for host, said in hosts.items():
        for row in said.get("rows", []) if isinstance(said, Mapping) else []:
            try:
                where = LedgerKey(
                    **{name: str(row[name]) for name in ("day", "branch", "task", "account")},
                    agent=f"{host}/{row['agent']}",
                    worktree=f"{host}/{row['worktree']}",
                    begun=float(row["begun"]),
                )
                spent = Spend(Tokens(*(whole(row[name]) for name in Tokens._fields)), money(row["usd"] or 0))
            except (LookupError, TypeError, ValueError):
                continue
            rows[where] = rows.get(where, NOTHING).plus(spent)
    return replace(ledger, rows=rows)


def standing_members(one: CapUse) -> dict[str, Any]:
    """One cap."""
    unit = "usd" if one.cap.money else "tokens"
    return {"cap": one.scope, "on": one.key, "unit": unit, "most": one.cap.amount, "used": one.used}
