"""Refuses any text that would start a turn of an agent at its spending cap."""

from __future__ import annotations

import time
from contextlib import suppress

from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.spending.caps import TABLE
from fleetscripts.services.central.central import has_central
from fleetscripts.services.observe.agent_pane import agent_at
from fleetscripts.services.spending.ceiling import ceiling_over, refuse_at_cap
from fleetscripts.services.spending.spending import note_spent
from fleetscripts.services.typing.pane_io import PaneIO


def refuse_beyond_caps(pane_io: PaneIO, observation: Observation) -> None:
    """By its usage until now, which may be newer than the last look. Nothing without a cap, here or at a central."""
    settings, now = pane_io.settings, time.time()
    if TABLE not in settings.extra and not has_central(settings):
        return
    with suppress(StateMissing):  # then it is nobody's agent
        fleet = Store(settings.state_file).read()
        agent = agent_at(fleet, observation.facts.pane_id, pane_io.server)
        if agent is not None:
            spent = note_spent(settings, [(agent, observation)], now, every=True)
            refuse_at_cap(ceiling_over(settings, fleet, now, spent), agent)
