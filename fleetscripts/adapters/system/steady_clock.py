"""A clock that nobody sets and that goes on while the machine sleeps, and the start that it counts from."""

from __future__ import annotations

import subprocess
import time
from functools import cache
from pathlib import Path

from fleetscripts.moment import Moment

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux leaves sleep out of ``CLOCK_MONOTONIC``, macOS counts it in."""


def steady_seconds() -> float:
    """Seconds, the sleep of the machine among them."""
    return time.clock_gettime(_CLOCK)


@cache
def boot_id() -> str:
    """What names this start of the machine; empty where the system does not tell."""
    try:
        if (told := Path("/proc/sys/kernel/random/boot_id")).exists():
            return told.read_text(encoding="ascii").strip()
        words = ["sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def this_moment() -> Moment:
    """Now, for other processes of this machine too."""
    return Moment(boot_id(), steady_seconds(), time.time())
