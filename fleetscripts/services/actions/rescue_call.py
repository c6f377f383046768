"""Rescues on request: one agent, or every agent at a usage limit, as the loop does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind
from fleetscripts.services.accounts.account_choice import wants_account
from fleetscripts.services.accounts.accounts import account_named
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.perform import FAILED, REFUSED, AgentResult, perform, side_by_side
from fleetscripts.services.actions.rescue import NAMED
from fleetscripts.services.observe.fleet_look import look_at

AT_ONCE = 2
"""As in the loop: those on one account take turns anyway."""

WHY = "asked for by rescue-agent"
RESCUED = "rescued"


def at_a_limit(settings: Settings, fleet: Fleet) -> list[Agent]:
    """Every agent that cannot continue where it is, by its pane now."""
    looks = look_at(fleet, settings, time.time())
    return [agent for agent, seen in looks if wants_account(agent, seen.classification)]


def rescue_agents(
    settings: Settings,
    fleet: Fleet,
    environ: Mapping[str, str],
    agents: Sequence[Agent],
    account: str = "",
    tell: Callable[[AgentResult], None] = lambda outcome: None,
) -> list[AgentResult]:
    """Rescue these, onto the named account or onto those with budget. Results: rescued, refused, failed."""
    if account:
        account_named(settings, account)

    def settle(agent: Agent) -> AgentResult:
        return _rescued(settings, fleet, environ, agent, account)

    return side_by_side(agents, settle, AT_ONCE, tell)


def _rescued(settings: Settings, fleet: Fleet, environ: Mapping[str, str], agent: Agent, account: str) -> AgentResult:
    details = {NAMED: account} if account else {}
    case = Case(
        agent,
        Action(agent.window, agent.pane_id, "rescue", ActionKind.RECOVERY, WHY, details),
        fleet,
        settings,
        environ,
    )
    try:
        return AgentResult(agent, RESCUED, perform(case))
    except FleetError as error:
        result = REFUSED if isinstance(error, Refusal) else FAILED
        return AgentResult(
            agent, result, str(error).removeprefix(f"{agent.called}: ").removeprefix(f"{agent.handle}: ")
        )
