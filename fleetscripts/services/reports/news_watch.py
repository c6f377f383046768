"""News besides the decisions, for those who wait for events: conflicts between agents' branches, compared when a turn
has ended with new commits, and tools that the kernel killed for memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.core.reports.review import Item
from fleetscripts.fleet import Fleet
from fleetscripts.models import PaneState
from fleetscripts.services.reports.review_memory import memory_reviewed
from fleetscripts.services.reports.review_overlaps import overlaps_reviewed


@dataclass
class NewsWatch:
    """One wait. ``supervises``: what is taken counts as notified."""

    settings: Settings
    supervises: bool = True
    _compared: frozenset[tuple[str, str]] = frozenset()
    _found: Sequence[Item] = field(default_factory=tuple)

    def found(self) -> bool:
        """Whether there is unreported news. Compares only if an agent that is now at rest has another commit than at
        the last comparison."""
        fleet = Store(self.settings.state_file).read()
        heads = _at_rest(fleet)
        if heads - self._compared:
            self._compared = heads
            self._found = overlaps_reviewed(fleet, self.settings, notes=False)
        return bool(self._found or memory_reviewed(fleet, self.settings, notes=False))

    def taken(self) -> list[Item]:
        """What was found, which is reported now."""
        fleet, told = Store(self.settings.state_file).read(), list(self._found)
        if told and self.supervises:
            told = overlaps_reviewed(fleet, self.settings, notes=True)
        self._found = ()
        return [*memory_reviewed(fleet, self.settings, notes=self.supervises), *told]


def _at_rest(fleet: Fleet) -> frozenset[tuple[str, str]]:
    return frozenset(
        (agent.key, agent.seen.commit)
        for agent in fleet.agents
        if agent.seen.commit and agent.seen.pane_state != PaneState.RUNNING
    )
