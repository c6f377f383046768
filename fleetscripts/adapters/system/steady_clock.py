"""A clock that is never set and includes sleep, and the boot that it counts from."""

from __future__ import annotations

import subprocess
import time
from functools import cache
from pathlib import Path

from fleetscripts.moment import Moment

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux leaves sleep out of ``CLOCK_MONOTONIC``, macOS includes it."""


def steady_seconds() -> float:
    """Seconds, including the machine's sleep."""
    return time.clock_gettime(_CLOCK)


@cache
def boot_id() -> str:
    """Identifies this boot of the machine; empty if unknown."""
    try:
        if (told := Path("/proc/sys/kernel/random/boot_id")).exists():
            return told.read_text(encoding="ascii").strip()
        words = ["sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def this_moment() -> Moment:
    """Now, in a form comparable across this machine's processes."""
    return Moment(boot_id(), steady_seconds(), time.time())
