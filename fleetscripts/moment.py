"""An instant that another process can count from, whatever is done to the time of day."""

from __future__ import annotations

from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """``steady``: seconds since this machine's start, ``boot`` names that start; ``wall``: Unix seconds."""

    boot: str = ""
    steady: float = 0
    wall: float = 0

    def seconds_since(self, earlier: Moment) -> float:
        """Never below 0. By the time of day only where the machine was started anew in between."""
        same = bool(self.boot) and self.boot == earlier.boot
        return max(0.0, self.steady - earlier.steady if same else self.wall - earlier.wall)
