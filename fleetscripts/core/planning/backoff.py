"""How long to wait before the loop's next look, and before a host that could not be reached is tried again."""

from __future__ import annotations

SLOWER = 1.5
"""From 30 s to 300 s in six quiet looks."""

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 120.0
SETTLED_SECONDS = 60.0
"""After a shorter connection the pauses go on growing."""


def next_interval(current_seconds: float, active: bool, base_seconds: float, longest_seconds: float) -> float:
    """Seconds until the next look. ``active``: something moved or was done since the last one."""
    if active:
        return base_seconds
    return max(base_seconds, min(current_seconds * SLOWER, longest_seconds))


def tries_after(tries: int, online_seconds: float) -> int:
    """Failed tries, after a link that was up for so long (0: never)."""
    return 0 if online_seconds >= SETTLED_SECONDS else tries + 1


def pause_seconds(tries: int, drawn: float) -> float:
    """Seconds until the next try. ``drawn``: a random number from 0 to 1, so that many hosts do not retry at once."""
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(max(tries - 1, 0), 10))
    return longest * (0.5 + drawn / 2)
