"""Ensures one loop per state file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fleetscripts.adapters.records.locks import LockTaken, hold
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.errors import Refusal

MOMENT_SECONDS = 0.2
"""How long a mere check for a running loop may hold the loop's lock; a loop holds it all the time."""


@contextmanager
def only_loop(settings: Settings) -> Iterator[None]:
    """Become the only loop on this state file; Refusal if there is one, saying where."""
    with ExitStack() as held:
        try:
            held.enter_context(hold(_lock_file(settings), MOMENT_SECONDS))
        except LockTaken:
            where = Store(settings.state_file).read().loop_window
            raise Refusal(f"a loop runs on {settings.state_file} already{f', in {where}' if where else ''}") from None
        yield


def loop_runs(settings: Settings) -> bool:
    """Whether a loop runs on this state file, in its window or anywhere."""
    try:
        with only_loop(settings):
            return False
    except Refusal:
        return True


def _lock_file(settings: Settings) -> Path:
    """Beside the state file, so that a loop with another FLEET_HOME is excluded too."""
    target = Path(os.path.realpath(settings.state_file))
    return target.with_name(f"{target.name}.loop.lock")
