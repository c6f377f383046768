"""Detects that the machine slept, that this process was stopped, or that the clock was set."""

from __future__ import annotations

import time

JUMP_SECONDS = 5.0
"""A clock correction is smaller; a busy machine's delay is shorter."""

SLOWER = 3
"""How many times longer than the last a look may take, beyond those seconds, before we count as stopped."""

LONGEST_LOOK_SECONDS = 20.0


class LoopClock:
    """Compares two clocks at each waking: the steady one stops while a machine sleeps, the other can be set."""

    def __init__(self) -> None:
        self._apart = time.time() - time.monotonic()
        self._usual = 1.0
        self._waited = True
        self._last = time.monotonic()
        self._back_by = self._last + JUMP_SECONDS

    def waits(self, seconds: float) -> None:
        """A wait of at most so long begins."""
        self._back_by = time.monotonic() + seconds + JUMP_SECONDS
        self._waited = True

    def missed(self) -> str:
        """What happened to the clocks since the last call, in words; empty for nothing. In between we wait or look."""
        now, apart = time.monotonic(), time.time() - time.monotonic()
        jump, self._apart = apart - self._apart, apart
        late = now - self._back_by
        if not self._waited:
            self._usual = min(now - self._last, LONGEST_LOOK_SECONDS)
        self._last, self._waited = now, False
        self._back_by = now + JUMP_SECONDS + self._usual * SLOWER
        if abs(jump) > JUMP_SECONDS:
            return (
                f"the clock went {'on' if jump > 0 else 'back'} by {abs(jump):.0f} s: the machine slept, or it was set"
            )
        if late > 0:
            return f"this loop was stopped for {late:.0f} s or more"
        return ""
