"""How much of each account may still be used: pure, from the ledger's entries and the time."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace

from fleetscripts.account import Account
from fleetscripts.dataclass import dataclass
from fleetscripts.usage import FIVE_HOUR, LIMIT, LOGIN, SERVED_AFTER_SECONDS, WEEKLY, Figure, Ledger, model_of

UNKNOWN_LEFT = 50.0
"""Percent assumed for an account without known usage."""


CLOSED = frozenset({"capped", "locked"})
"""States in which no agent is put on an account."""


@dataclass(frozen=True, slots=True)
class AccountBudget:
    """One account now. ``five_hour``, ``weekly``: percent **left**, None when unknown; ``state`` ok, capped, unknown,
    or locked: its login is refused. ``resets_at``: when a capped account has budget again, else when its fullest known
    window ends; 0 unknown."""

    account: Account
    state: str
    five_hour: float | None = None
    weekly: float | None = None
    resets_at: float = 0
    reason: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    narrowed: bool = False
    """Some model is refused there, and the model to continue on is unknown."""

    @property
    def left(self) -> float:
        """Percent left of the window that has least; a guess if nothing is known."""
        known = [left for left in (self.five_hour, self.weekly) if left is not None]
        return max(0.0, min(known) - self.account.reserve_percent) if known else UNKNOWN_LEFT


def standings(
    accounts: Sequence[Account], ledger: Ledger, now: float, models: Collection[str] = ()
) -> list[AccountBudget]:
    """Every account, best first: ok by what is left, then unknown, then capped by when they reset."""
    found = [standing(account, ledger.get(account.name, {}), now, models) for account in accounts]
    if not models:
        found = [replace(known, narrowed=bool(_closed(known.figures, now))) for known in found]
    return sorted(found, key=_rank)


def standing(
    account: Account, figures: Mapping[str, Figure], now: float, models: Collection[str] = ()
) -> AccountBudget:
    """One account. A window past its reset is full again; a model's window counts only for work on that model."""
    if (locked := _locked(figures, now)) is not None:
        reason = f"its login is not accepted ({locked.source}, {span(now - locked.at)} ago)"
        return AccountBudget(account, "locked", resets_at=locked.until, reason=reason, figures=figures)
    counting = {name: figure for name, figure in figures.items() if name != LOGIN and _counts(name, models)}
    live = {name: figure for name, figure in counting.items() if now < figure.until}
    left = {name: 100.0 - live[name].used_percent if name in live else 100.0 for name in counting}
    five, week = left.get(FIVE_HOUR), left.get(WEEKLY)
    full = {name: figure for name, figure in live.items() if _is_full(figure, account.reserve_percent)}
    if full:
        name = max(full, key=lambda window: full[window].until)
        return AccountBudget(
            account, "capped", five, week, full[name].until, _why_capped(name, full[name], now), figures
        )
    if not counting:
        return AccountBudget(
            account, "unknown", reason=f"nothing is known of it yet{_closed(figures, now)}", figures=figures
        )
    tightest = max(live, key=lambda window: live[window].used_percent, default="")
    resets = live[tightest].resets_at if tightest else 0.0
    if five is None and week is None:
        return AccountBudget(account, "ok", resets_at=resets, reason="its limit has reset", figures=figures)
    why = _why_ok(live, counting, now) + _closed(figures, now)
    return AccountBudget(account, "ok", five, week, resets, why, figures)


def choose(
    candidates: Iterable[AccountBudget], busy: Mapping[str, int], keep: str = "", exclude: frozenset[str] = frozenset()
) -> AccountBudget | None:
    """The account for one more agent: ``keep`` while it has budget, else the one with most left per agent; one that may
    refuse the model only if there is no other."""
    usable = [s for s in candidates if s.state not in CLOSED and s.left > 0 and s.account.name not in exclude]
    kept = next((known for known in usable if known.account.name == keep), None)
    if kept is not None or not usable:
        return kept
    return min(usable, key=lambda known: (known.narrowed, _load(known, busy), _rank(known)))


def earliest(found: Iterable[AccountBudget]) -> float:
    """When the first of the capped accounts has budget again; 0 when none is known."""
    return min((known.resets_at for known in found if known.state == "capped" and known.resets_at), default=0.0)


def _load(known: AccountBudget, busy: Mapping[str, int]) -> float:
    return (busy.get(known.account.name, 0) + 1) / known.left


def _rank(known: AccountBudget) -> tuple[int, float, int]:
    states = ("ok", "unknown", "capped", "locked")
    by = (known.resets_at or math.inf) if known.state in CLOSED else -known.left
    return (states.index(known.state), by, known.account.order)


def _is_full(figure: Figure, reserve_percent: float) -> bool:
    return figure.wall or figure.used_percent >= 100.0 - reserve_percent


def _locked(figures: Mapping[str, Figure], now: float) -> Figure | None:
    """Since when its login is refused; None if it is accepted, or served a turn since."""
    found = figures.get(LOGIN)
    if found is None or now >= found.until:
        return None
    served = max((figure.at for figure in figures.values() if not figure.wall), default=0.0)
    return None if served >= found.at + SERVED_AFTER_SECONDS else found


def _counts(window: str, models: Collection[str]) -> bool:
    only = model_of(window)
    return not only or any(only in model.lower() for model in models)


def _closed(figures: Mapping[str, Figure], now: float) -> str:
    """The models that are refused while others are served."""
    names = sorted(model_of(name) for name, figure in figures.items() if figure.wall and now < figure.until)
    return "".join(f"; not on {name}" for name in names if name)


def _why_capped(window: str, figure: Figure, now: float) -> str:
    how = "wall" if figure.wall else f"{figure.used_percent:.0f}% used"
    name = "usage" if window == LIMIT else window.replace("_", "-")
    end = "" if figure.resets_at else ", no end named: tried again then"
    return f"{name} {how} ({figure.source}, {span(now - figure.at)} ago{end})"


def _why_ok(live: Mapping[str, Figure], figures: Mapping[str, Figure], now: float) -> str:
    if not live:
        return "every known window has reset"
    newest = max(live.values(), key=lambda figure: figure.at)
    reset = [name for name in figures if name not in live]
    more = f"; {', '.join(reset)} has reset" if reset else ""
    return f"{newest.source}, {span(now - newest.at)} ago{more}"


def span(seconds: float) -> str:
    """``45s``, ``12m``, ``3h05``, ``2d``."""
    whole = max(0, int(seconds))
    if whole < 3600:
        return f"{whole}s" if whole < 60 else f"{whole // 60}m"
    return f"{whole // 3600}h{whole % 3600 // 60:02}" if whole < 48 * 3600 else f"{whole // 86_400}d"
