"""Whether a cap allows another turn, and raising a cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.spending.caps import SHARED, CapUse, caps_of, day_of
from fleetscripts.core.spending.ceiling import Ceiling
from fleetscripts.core.spending.ledger import Ledger, Spend
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.services.central.caps_told import caps_told
from fleetscripts.services.spending.spending import change_ledger, ledger_of


def ceiling_over(settings: Settings, fleet: Fleet, now: float, ledger: Ledger | None = None) -> Ceiling:
    """The caps in force; UsageProblem names an invalid one. ``ledger``: if it was read already."""
    caps = caps_of(settings.extra)
    known = ledger if ledger is not None else ledger_of(settings) if caps else Ledger()
    today = day_of(datetime.fromtimestamp(now).astimezone())
    elsewhere = _elsewhere(settings, today) if any(cap.scope in SHARED for cap in caps) else {}
    return Ceiling.over(caps, known, fleet, today, elsewhere, caps_told(settings, today))


def _elsewhere(settings: Settings, today: str) -> Mapping[str, Spend]:
    """The reader of other machines' mirrors is imported only if a cap covers several."""
    from fleetscripts.services.hosts.spent_elsewhere import spent_elsewhere

    return spent_elsewhere(settings, today)


def refuse_at_cap(ceiling: Ceiling, agent: Agent | None, task: str = "") -> None:
    """Refusal if a cap is reached: no turn of this agent is started, or no agent for the task."""
    reached = ceiling.reached(agent, task)
    if reached is None:
        return
    who = f"{agent.called}: " if agent is not None else ""
    name = reached.scope if reached.central or agent is None else agent.handle
    where = " there" if reached.central else ""
    call = f"{spelled('balance')} --allow {name}{where}"
    raise Refusal(f"{who}{reached.words}: no turn is started; {call} allows as much again")


def allow(settings: Settings, fleet: Fleet, named: str | Agent, now: float) -> list[CapUse]:
    """Allow another cap's worth of all that is reached for an agent, or of a shared cap named by its scope; agents held
    by it continue."""
    from fleetscripts.core.spending.holding import held

    agent = named if isinstance(named, Agent) else None
    standings = ceiling_over(settings, fleet, now).of(agent)
    reached = [one for one in standings if one.reached and (agent is not None or one.scope == named)]
    if not reached:
        raise Refusal(f"{agent.called if agent else named}: no cap is reached; [caps] in config.toml sets them")
    if any(one.central for one in reached):
        raise Refusal(f"{reached[0].words}: allow it there")
    amounts = [(one.key, one.base + one.used) for one in reached]
    ledger = change_ledger(settings, lambda known: known.with_allowed(amounts), now)

    def let_go(current: Fleet) -> Fleet:
        ceiling = ceiling_over(settings, current, now, ledger)
        agents = (held(one, ceiling.reached(one), now) if one.hold.cap else one for one in current.agents)
        return replace(current, agents=tuple(agents))

    Store(settings.state_file).update(let_go)
    return reached
