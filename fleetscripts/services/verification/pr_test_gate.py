"""The gate on the last test run: a commit that failed its test is not complete."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.records.queue_file import QueueFile
from fleetscripts.config import Settings
from fleetscripts.core.gates.gates import GateResult
from fleetscripts.core.pr_testing.queue_json import parsed
from fleetscripts.core.pr_testing.results import failing
from fleetscripts.fleet import Agent
from fleetscripts.own_folder import user_state

GATE = "pr_test"
SHOWN = 5


def pr_test(agent: Agent, settings: Settings, head: str) -> GateResult | None:
    """The gate, or None if this very commit was not tested: requesting a test is the orchestrator's task."""
    outcome = parsed(QueueFile(queue_folder(settings, os.environ)).read()).outcome_of(agent)
    if outcome is None or not outcome.scenarios or outcome.head != head or not head:
        return None
    blocking = failing(outcome.scenarios)
    if not blocking:
        return GateResult.passed(GATE, f"{len(outcome.scenarios)} scenarios PASS")
    shown = "; ".join(str(one) for one in blocking[:SHOWN])
    more = f" and {len(blocking) - SHOWN} more" if len(blocking) > SHOWN else ""
    return GateResult.failed(GATE, f"{len(blocking)} of {len(outcome.scenarios)} do not pass: {shown}{more}")


def queue_folder(settings: Settings, environ: Mapping[str, str]) -> Path:
    """One folder for all fleets of this user: ports and databases are the machine's, not a fleet's."""
    return user_state(settings.home, environ) / "test-queue"
