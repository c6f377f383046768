"""An instant that other processes can compare with, whatever happens to the time of day."""

from __future__ import annotations

from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """``steady``: seconds since this machine's boot, ``boot`` its id; ``wall``: Unix seconds."""

    boot: str = ""
    steady: float = 0
    wall: float = 0

    def seconds_since(self, earlier: Moment) -> float:
        """Never below 0. By the time of day only if the machine was rebooted in between."""
        same = bool(self.boot) and self.boot == earlier.boot
        return max(0.0, self.steady - earlier.steady if same else self.wall - earlier.wall)
