"""How long the loop waits before its next look: short after activity, longer while nothing happens."""

from __future__ import annotations

SLOWER = 1.5
"""From 30 s to 300 s in six quiet looks."""


def next_interval(current_seconds: float, active: bool, base_seconds: float, longest_seconds: float) -> float:
    """Seconds until the next look. ``active``: something moved or was done since the last one."""
    if active:
        return base_seconds
    return max(base_seconds, min(current_seconds * SLOWER, longest_seconds))
