"""Waiting for the thing itself, with a deadline, instead of sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE_SECONDS = 0.02


def wait_until(predicate: Callable[[], T], seconds: float = 10, what: str = "the condition") -> T:
    """Call ``predicate`` until it returns something true, and return that; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}; last answer was {value!r}")
        pause.wait(_PAUSE_SECONDS)
