"""Which options a program offers, as its own help says: releases differ, and an unknown option ends them."""

from __future__ import annotations

import functools
import subprocess

HELP_TIMEOUT_SECONDS = 20


@functools.cache
def offers(executable: str, option: str) -> bool:
    """Whether ``--help`` lists the option at the beginning of a line; no when the program does not answer."""
    try:
        done = subprocess.run(
            [executable, "--help"],
            check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=HELP_TIMEOUT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return any(option in line.replace(",", " ").split()[:2] for line in done.stdout.splitlines())
