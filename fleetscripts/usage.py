"""An account's usage windows: figures from several sources, and which of them counts."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

FIVE_HOUR, WEEKLY, LIMIT, LOGIN = "five_hour", "weekly", "limit", "login"
"""Window names. LIMIT: a limit on an unknown window. LOGIN: no window: its login is refused."""

LONGEST_SECONDS = 8 * 86_400.0
"""A weekly window ends within seven days; a day is for clocks and zones."""

FIVE_HOUR_SECONDS = 5.25 * 3600
UNSAID_SECONDS = 3600.0
"""How long a limit without a reset time counts: then the account is tried again."""

SERVED_AFTER_SECONDS = 60.0
"""A figure this much newer than a limit shows that the account was served again; a nearer one is a late redraw."""

SAME_WINDOW_SECONDS = 600.0
"""Clients round a window's end; ends within this of each other are the same."""

ALIASES: Mapping[str, str] = {
    "5h": FIVE_HOUR, "session": FIVE_HOUR, "five_hour": FIVE_HOUR, "primary": FIVE_HOUR,
    "seven_day": WEEKLY, "weekly": WEEKLY, "secondary": WEEKLY, "": LIMIT, "overage": LIMIT,
    "weekly_opus": "seven_day_opus", "weekly_sonnet": "seven_day_sonnet",
    "seven_day_fable": "seven_day_overage_included",
}  # fmt: skip
"""The clients' names for windows; others keep their names. ``overage``: the window is full and so are the credits."""

_OF_A_MODEL = pattern(r"(?:five_hour|seven_day|weekly|model)_(?P<model>.+)")
_MODELS: Mapping[str, str] = {"overage_included": "fable", "oauth_apps": "", "cowork": ""}
"""Suffixes of a window's name that are no model's name → the model, empty for none."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One source's figure for one window at one time. ``resets_at`` 0: unknown."""

    used_percent: float
    resets_at: float
    at: float
    source: str
    wall: bool = False

    @property
    def until(self) -> float:
        """When it expires."""
        return self.resets_at or self.at + UNSAID_SECONDS


Ledger = Mapping[str, Mapping[str, Figure]]
"""Account → window → the current figure."""


def window_named(name: str) -> str:
    """Our name for a window."""
    return ALIASES.get(name, name)


def model_of(window: str) -> str:
    """The model whose use this window counts, as a part of the model's name; empty if it counts all use."""
    found = _OF_A_MODEL.fullmatch(window_named(window))
    return _MODELS.get(found["model"], found["model"]) if found else ""


def plausible(window: str, used_percent: object, resets_at: object, at: object, now: float) -> Figure | None:
    """The figure, or None if a number is missing or negative, or its window would end in the past or beyond all
    limits."""
    numbers = [_number(value) for value in (used_percent, resets_at or 0, at)]
    used, resets, seen = numbers
    if used is None or resets is None or seen is None or not 0 <= used <= 200:
        return None
    longest = FIVE_HOUR_SECONDS if window == FIVE_HOUR else LONGEST_SECONDS
    if not 0 < seen <= now + SERVED_AFTER_SECONDS or (resets and not now < resets <= now + longest):
        return None
    return Figure(min(used, 100.0), resets, seen, "")


def newer(known: Figure | None, found: Figure) -> Figure:
    """Which of two figures of one window counts."""
    if known is None:
        return found
    first, second = sorted((known, found), key=_seen_at)
    if first.until <= second.at:
        return second
    if first.wall and second.wall and (not second.resets_at or abs(first.until - second.until) < SAME_WINDOW_SECONDS):
        return first
    if first.wall and not second.wall:
        other_window = second.resets_at > first.until + SAME_WINDOW_SECONDS
        return second if other_window or second.at >= first.at + SERVED_AFTER_SECONDS else first
    if second.wall and not first.wall and first.at >= second.at + SERVED_AFTER_SECONDS:
        return first
    if first.resets_at > second.resets_at + SAME_WINDOW_SECONDS and not second.wall:
        return first
    return second


def _seen_at(figure: Figure) -> tuple[float, bool, float, float]:
    return (figure.at, figure.wall, figure.used_percent, figure.resets_at)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
