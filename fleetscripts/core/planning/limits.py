"""Thresholds of the policy, from the settings."""

from __future__ import annotations

from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds unless they are counts. ``tries``: restarts, nudges or re-briefs before a person decides. ``rounds``:
    re-briefs before a person decides whatever they achieved; a hard review takes three to five."""

    idle_threshold_seconds: float = 300
    nudge_cooldown_seconds: float = 300
    verify_pause_seconds: float = 30
    retry_pause_seconds: float = 30
    task_change_seconds: float = 120
    wake_pause_seconds: float = 60
    tries: int = 3
    rounds: int = 10
    nudges: bool = True
    accounts: bool = True
    """Whether there are accounts to move to."""
    may_spend: frozenset[str] = frozenset()
    """Accounts on which going beyond the subscription is allowed."""
