"""Runs a test in a background process that outlives the call."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence

from fleetscripts.core.records.sanitize import sanitize_lines
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.services.pr_testing.queue import PrTestQueue
from fleetscripts.services.worktrees.bundle import start_detached

START_SECONDS = 30.0
LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class BackgroundRun:
    """A run in the background; ``exit_code`` None while it continues, else its output."""

    log: str
    exit_code: int | None = None
    said: str = ""


def start_in_background(queue: PrTestQueue, arguments: Sequence[str]) -> BackgroundRun:
    """Run the same call as a process that outlives this one; returns once it holds the lease."""
    with tempfile.TemporaryFile() as said:
        child = start_detached(queue.settings.fleet_home, arguments, said)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            lease = next((lease for lease in queue.read().leases if lease.pid == child.pid), None)
            if lease is not None and lease.log:
                return BackgroundRun(lease.log)
            if child.poll() is not None:
                said.seek(0)
                return BackgroundRun("", child.returncode, sanitize_lines(said.read().decode("utf-8", "replace")))
            time.sleep(LOOK_EVERY_SECONDS)
    child.terminate()
    raise FleetError(f"the run did not begin within {START_SECONDS:g} s and was ended")
