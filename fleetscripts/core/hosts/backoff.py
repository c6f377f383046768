"""When to try a host again that could not be reached."""

from __future__ import annotations

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 120.0
SETTLED_SECONDS = 60.0
"""A link that breaks sooner has not been well: the pauses go on growing."""


def tries_after(tries: int, online_seconds: float) -> int:
    """Tries in vain, once another link has ended that was up so long (0: it never was)."""
    return 0 if online_seconds >= SETTLED_SECONDS else tries + 1


def pause_seconds(tries: int, drawn: float) -> float:
    """How long to wait before the next try. ``drawn``: a random number from 0 to 1, so that many do not try at once."""
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(max(tries - 1, 0), 10))
    return longest * (0.5 + drawn / 2)
