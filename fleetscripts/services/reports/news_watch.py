"""News besides the decisions, for those who wait for events: conflicts between agents' branches, compared when a turn
has ended with new commits, and tools that the kernel killed for memory."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.reports.review import Item
from fleetscripts.fleet import Agent
from fleetscripts.models import PaneState
from fleetscripts.services.reports.review_memory import memory_reviewed
from fleetscripts.services.reports.review_overlaps import overlaps_reviewed
from fleetscripts.services.reports.status import other_machines

if TYPE_CHECKING:
    from fleetscripts.services.hosts.mirrors import HostView


@dataclass
class NewsWatch:
    """One wait. ``supervises``: what is taken counts as notified. ``here``: leave other machines out."""

    settings: Settings
    supervises: bool = True
    here: bool = False
    _compared: frozenset[tuple[str, str]] = frozenset()
    _found: Sequence[Item] = field(default_factory=tuple)

    def found(self) -> bool:
        """Whether there is unreported news. Compares only if an agent that is now at rest has another commit than at
        the last comparison."""
        fleet = Store(self.settings.state_file).read()
        views = self._views()
        heads = _at_rest([*fleet.agents, *(agent for view in views for agent in view.agents_from_here())])
        if heads - self._compared:
            self._compared = heads
            self._found = overlaps_reviewed(fleet, self.settings, notes=False, views=views)
        return bool(self._found or memory_reviewed(fleet, self.settings, notes=False))

    def taken(self) -> list[Item]:
        """What was found, which is reported now."""
        fleet, told = Store(self.settings.state_file).read(), list(self._found)
        if told and self.supervises:
            told = overlaps_reviewed(fleet, self.settings, notes=True, views=self._views())
        self._found = ()
        return [*memory_reviewed(fleet, self.settings, notes=self.supervises), *told]

    def _views(self) -> Sequence[HostView]:
        return () if self.here else other_machines(self.settings, time.time())


def _at_rest(agents: Iterable[Agent]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (agent.key, agent.seen.commit)
        for agent in agents
        if agent.seen.commit and agent.seen.pane_state != PaneState.RUNNING
    )
