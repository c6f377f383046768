"""Updates an agent's record from its pane and conversation, for judgements outside a poll."""

from __future__ import annotations

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.planning.progress import note
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneState
from fleetscripts.services.observe.fleet_look import look_at


def fresh_record(settings: Settings, fleet: Fleet, agent: Agent, now: float) -> tuple[Fleet, Agent]:
    """The fleet and the record after a look at its pane, stored if possible; unchanged without a pane."""
    looks = look_at(fleet, settings, now, {agent.pane_id}) if agent.pane_id else []
    seen = next((found for looked_at, found in looks if looked_at.is_same(agent)), None)
    if seen is None or seen.classification.state is PaneState.MISSING:
        return fleet, agent

    def record(current: Fleet) -> Fleet:
        known = current.current(agent)
        is_other = known is None or (known.pane_id, known.task.started_at) != (agent.pane_id, agent.task.started_at)
        return current if known is None or is_other else current.exchange(known, _noted(known))

    def _noted(known: Agent) -> Agent:
        return note(known, seen, settings.idle_threshold_seconds, now)

    try:
        after = Store(settings.state_file).update(record)
    except FleetError:  # a full disk, a read-only file: the look counts all the same
        after = record(fleet)
    return after, after.current(agent) or agent
