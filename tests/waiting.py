"""Waiting for the thing itself, with a deadline, instead of sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.02


def wait_until(
    predicate: Callable[[], T],
    seconds: float = 20,
    what: str | Callable[[], str] = "the condition",
    every: float = PAUSE_SECONDS,
) -> T:
    """Call ``predicate`` until it returns something true, and return that; fail after ``seconds``.

    ``what`` may be called for what is to be seen when the time is over; ``every``: seconds between two calls.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            missing = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {seconds} s for {missing}; last answer was {value!r}")
        pause.wait(every)


def comes(predicate: Callable[[], object], seconds: float, every: float = PAUSE_SECONDS) -> bool:
    """Whether ``predicate`` comes true in time."""
    try:
        wait_until(lambda: bool(predicate()), seconds, every=every)
    except AssertionError:
        return False
    return True


def stays(look: Callable[[], object], quiet_seconds: float, seconds: float, every: float = PAUSE_SECONDS) -> bool:
    """Whether ``look`` comes to return the same for ``quiet_seconds`` in time."""
    last, since = look(), time.monotonic()

    def quiet() -> bool:
        nonlocal last, since
        now = look()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= quiet_seconds

    return comes(quiet, seconds, every)
