"""Resumes an agent whose conversation may be lost; if it is, starts a new one, once, with the old one's known facts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from fleetscripts.errors import ClientEnded, FleetError, Refusal
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
"""A client's message before it exits because it cannot find the conversation; retrying is useless."""


def resume(case: Case) -> str:
    """Resume the conversation at a shell; start a new one if it is lost."""
    return _or_anew(case, same.resume)


def restore(case: Case) -> str:
    """Resume the conversation in a new window; start a new one if it is lost."""
    return _or_anew(case, same.restore)


def _or_anew(case: Case, bring_back: Callable[[Case], str]) -> str:
    try:
        return bring_back(case)
    except Refusal:
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
