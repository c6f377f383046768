"""An agent that GitHub's secondary rate limit stopped is told once how long to wait."""

from __future__ import annotations

import time

from fleetscripts.errors import FleetError, Refused
from fleetscripts.services.delivery.deliver import deliver
from fleetscripts.services.delivery.desk import open_desk
from fleetscripts.services.loop.recovery import Case
from fleetscripts.services.spawning.briefing import github_wait


def tell_to_wait(case: Case) -> str:
    """The advice; written down before anything could repeat it: a second telling would only end its wait."""
    desk = open_desk(case.settings, case.fleet)
    try:
        receipt = deliver(desk, case.agent.pane_id, github_wait(), why=case.action.reason)
    except Refused:
        raise
    except FleetError:
        _told(case)
        raise
    _told(case)
    return f"told to wait (proof: {receipt.proof})"


def _told(case: Case) -> None:
    now = time.time()
    case.change(github_told_at=now, last_nudged_at=now)
