"""Asks an agent that reached GitHub's secondary rate limit, once, to wait, and for how long."""

from __future__ import annotations

import time

from fleetscripts.errors import FleetError, Refusal
from fleetscripts.services.actions.case import Case
from fleetscripts.services.briefing.briefing import github_wait
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import open_pane_io


def tell_to_wait(case: Case) -> str:
    """Send the advice; recorded first, so that it is not repeated: a second message would only end its wait."""
    pane_io = open_pane_io(case.settings, case.fleet)
    try:
        receipt = deliver(
            pane_io,
            case.agent.pane_id,
            github_wait(),
            why=case.action.reason,
            known_obstacle=case.agent.attempts.obstacle,
        )
    except Refusal:
        raise
    except FleetError:
        _told(case)
        raise
    _told(case)
    return f"asked to wait (proof: {receipt.proof})"


def _told(case: Case) -> None:
    now = time.time()
    case.change(notices={"github_told_at": now}, attempts={"nudged_at": now})
