"""The accounts' remaining budgets, as text and as JSON."""

from __future__ import annotations

from typing import Any

from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.core.planning.budget import AccountBudget, span

HEADINGS = ("ACCOUNT", "STATE", "5H LEFT", "WEEK LEFT", "RESETS", "AGENTS", "PROVIDER", "WHY")


def row(found: AccountBudget, agents: int, now: float) -> tuple[str, ...]:
    """One account's cells, in the order of HEADINGS."""
    account = found.account
    client = "" if account.agent == DEFAULT_KIND else f"{account.agent} "
    money = "" if account.may_be_used else ", not allowed to spend"
    return (
        account.name, found.state, percent(found.five_hour), percent(found.weekly), resets(found.resets_at, now),
        str(agents) if agents else "-", f"{client}{account.provider}", f"{found.reason}{money}",
    )  # fmt: skip


def why(found: AccountBudget, now: float) -> str:
    """``NAME STATE 5H% WEEK% RESETS REASON``: percents left, fields separated by single blanks, the reason last."""
    fields = (found.account.name, found.state, percent(found.five_hour), percent(found.weekly))
    return " ".join((*fields, resets(found.resets_at, now), found.reason))


def members(found: AccountBudget, agents: int, now: float) -> dict[str, Any]:
    """An account's object for ``--json``: times in Unix seconds, percents left, ages in seconds."""
    account = found.account
    return {
        "account": account.name,
        "agent": account.agent,
        "provider": account.provider,
        "state": found.state,
        "five_hour_left_percent": found.five_hour,
        "weekly_left_percent": found.weekly,
        "resets_at": found.resets_at or None,
        "reason": found.reason,
        "agents": agents,
        "reserve_percent": account.reserve_percent,
        "may_be_used": account.may_be_used,
        "windows": {
            name: {
                "used_percent": figure.used_percent,
                "resets_at": figure.resets_at or None,
                "at": figure.at,
                "age_seconds": round(max(0.0, now - figure.at), 1),
                "source": figure.source,
                "wall": figure.wall,
                "has_reset": now >= figure.until,
            }
            for name, figure in sorted(found.figures.items())
        },
    }


def percent(left: float | None) -> str:
    """``38%``; a question mark if unknown."""
    return "?" if left is None else f"{left:.0f}%"


def resets(at: float, now: float) -> str:
    """Without blanks: ``2h05``; a dash if there is nothing to wait for or it is unknown."""
    return span(at - now) if at > now else "-"
