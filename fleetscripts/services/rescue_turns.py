"""How many rescues the loop performs side by side: few, so that twenty walled agents keep nobody else waiting."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from fleetscripts.models import Action

RESCUES = frozenset({"rescue", "renew"})
AT_ONCE = 2
"""Enough for two accounts side by side; on one account they take turns anyway."""


@dataclass
class RescueTurns:
    """Who is being rescued. ``busy`` tells whether an agent's job still runs."""

    busy: Callable[[Hashable], bool]
    _keys: set[Hashable] = field(default_factory=set)

    def admits(self, action: str, key: Hashable) -> bool:
        """Whether this agent's turn has come; everything but a rescue has it at once."""
        if action not in RESCUES:
            return True
        if len(self._under_way()) >= AT_ONCE:
            return False
        self._keys.add(key)
        return True

    def go_on(self, actions: Iterable[Action]) -> bool:
        """Whether rescues are under way or about to begin."""
        return bool(self._under_way()) or any(action.action in RESCUES for action in actions)

    def _under_way(self) -> set[Hashable]:
        self._keys = {key for key in self._keys if self.busy(key)}
        return self._keys
