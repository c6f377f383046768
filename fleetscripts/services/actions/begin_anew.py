"""Resumes an agent whose conversation may be lost; if it is, starts a new one, once, with what is known of the old."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from fleetscripts.errors import ClientEnded, FleetError, Refused
from fleetscripts.models import AgentState
from fleetscripts.pattern import pattern
from fleetscripts.services.actions import resume as same
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.rescue import renew

NOT_FOUND = pattern(
    r"No conversation found(?: (?:with session ID: ?\S+|to continue))?"
    r"|No saved session found with ID \S+|no rollout found for (?:thread|conversation) id \S+",
    re.IGNORECASE,
)
"""What a client says, and then ends, when it cannot find what it is to resume; no later try finds it."""


def resume(case: Case) -> str:
    """The same conversation again, where a shell stands; a new one where that is gone."""
    return _or_anew(case, same.resume)


def restore(case: Case) -> str:
    """The same conversation again, in a new window; a new one where that is gone."""
    return _or_anew(case, same.restore)


def _or_anew(case: Case, bring_back: Callable[[Case], str]) -> str:
    try:
        return bring_back(case)
    except Refused:
        raise
    except FleetError as error:
        found = NOT_FOUND.search(error.shown if isinstance(error, ClientEnded) else str(error))
        if found is None:
            raise
        agent = case.current()
        case.journal.write("conversation-gone", window=agent.window, why=found[0], session=agent.session_id)
        if agent.rescue.handover_from:
            reason = f"its conversation is gone, and so is the one before: {found[0]}"
            case.change(state=AgentState.ESCALATED, escalation={"reason": reason, "at": time.time()})
            raise
        return f"{found[0]}: begun anew; {renew(case)}"
