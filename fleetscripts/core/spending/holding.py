"""Holds an agent that has reached a cap: its turn may end, and no other one is started."""

from __future__ import annotations

from dataclasses import replace

from fleetscripts.core.spending.caps import CapUse
from fleetscripts.fleet import Agent
from fleetscripts.record import Hold

BUDGET = "budget: "
"""Prefix of such a hold's reason."""


def held(agent: Agent, reached: CapUse | None, now: float) -> Agent:
    """The record held by a reached cap. A person's hold stays, whatever becomes of the cap."""
    key = reached.key if reached is not None and not agent.finished else ""
    if agent.hold.cap == key and (not key or agent.hold.reason):
        return agent
    by_cap = not agent.hold.reason or agent.hold.reason.startswith(BUDGET)
    if reached is not None and key:
        return replace(agent, hold=Hold(f"{BUDGET}{reached.words}", now, key) if by_cap else _with(agent.hold, key))
    return replace(agent, hold=Hold() if by_cap else _with(agent.hold, ""))


def _with(hold: Hold, cap: str) -> Hold:
    return replace(hold, cap=cap)
