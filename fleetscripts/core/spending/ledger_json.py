"""The ledger as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fleetscripts.core.spending.ledger import CountedConversation, Ledger, LedgerKey, Spend, money
from fleetscripts.core.spending.tokens import tokens_of
from fleetscripts.errors import FleetError

_NAMES = ("day", "agent", "worktree", "branch", "task", "account")


class LedgerDamaged(FleetError):
    """The file is no valid ledger."""


def parsed(members: Mapping[str, Any] | None) -> Ledger:
    """The ledger in a file's members; raises LedgerDamaged."""
    if members == {}:
        return Ledger()
    try:
        members = dict(members or {})
        rows = {_where(row): Spend(tokens_of(row["tokens"]), money(row["usd"])) for row in members["rows"]}
        sessions = {
            str(name): CountedConversation(Spend(tokens_of(tokens), money(usd)), str(day))
            for name, (tokens, usd, day) in members["sessions"].items()
        }
        current = {str(name): str(file) for name, file in members["current"].items()}
        allowed, told = ({str(key): money(base) for key, base in members[name].items()} for name in ("allowed", "told"))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise LedgerDamaged("the ledger of what was spent is damaged") from error
    return Ledger(rows, sessions, current, allowed, told)


def written(ledger: Ledger) -> dict[str, Any]:
    """The file's members."""
    rows = [{**asdict(where), "tokens": list(spent.tokens), "usd": spent.usd} for where, spent in ledger.rows.items()]
    sessions = {name: [list(one.spent.tokens), one.spent.usd, one.day] for name, one in ledger.sessions.items()}
    return {
        "rows": rows,
        "sessions": sessions,
        "current": dict(ledger.current),
        "allowed": dict(ledger.allowed),
        "told": dict(ledger.told),
    }


def _where(row: Mapping[str, Any]) -> LedgerKey:
    return LedgerKey(**{name: str(row[name]) for name in _NAMES}, begun=money(row["begun"]))
