"""Which options a program has, by its own help: releases differ, and an unknown option makes them exit."""

from __future__ import annotations

import functools
import re
import subprocess

HELP_TIMEOUT_SECONDS = 20
FEWEST_OPTIONS = 3
"""Output with fewer options is not a client's help."""


def offers(executable: str, option: str) -> bool:
    """Whether ``--help`` lists the option at the beginning of a line; False if the program does not answer."""
    return any(option in line.replace(",", " ").split()[:2] for line in _help(executable))


def lacks(executable: str, option: str) -> bool:
    """Whether ``--help`` lists options but not this one; False if the program does not answer."""
    listed = sum(line.lstrip().startswith("-") for line in _help(executable))
    return listed >= FEWEST_OPTIONS and not offers(executable, option)


def choices(executable: str, option: str) -> tuple[str, ...]:
    """The values that ``--help`` gives for the option; empty if it gives none."""
    found = re.search(rf"{re.escape(option)}\b[^()]{{0,200}}\(choices: ([^)]{{0,400}})\)", " ".join(_help(executable)))
    return tuple(re.findall(r'"([^"]+)"', found[1])) if found else ()


@functools.cache
def _help(executable: str) -> tuple[str, ...]:
    try:
        done = subprocess.run(
            [executable, "--help"],
            check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=HELP_TIMEOUT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(done.stdout.splitlines())
