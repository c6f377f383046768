"""Noticing that time went on without us: the machine slept, we were stopped, or somebody set the clock."""

from __future__ import annotations

import time

JUMP_SECONDS = 5.0
"""A clock that is corrected moves by less; waits of a busy machine are late by less."""


class LoopClock:
    """Two clocks compared at each waking: the steady one stands still while a machine sleeps, the other can be set."""

    def __init__(self) -> None:
        self._apart = time.time() - time.monotonic()
        self._awake_by: float | None = None

    def waits(self, seconds: float | None) -> None:
        """We are about to wait for at most so long."""
        self._awake_by = None if seconds is None else time.monotonic() + seconds

    def missed(self) -> str:
        """What happened to time since the last call, in words; empty when nothing did."""
        apart = time.time() - time.monotonic()
        jump, self._apart = apart - self._apart, apart
        late = 0.0 if self._awake_by is None else time.monotonic() - self._awake_by
        self._awake_by = None
        if abs(jump) > JUMP_SECONDS:
            return (
                f"the clock went {'on' if jump > 0 else 'back'} by {abs(jump):.0f} s: the machine slept, or it was set"
            )
        if late > JUMP_SECONDS:
            return f"this loop was stopped for {late:.0f} s"
        return ""
