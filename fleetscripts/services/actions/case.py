"""An agent, the action proposed for it, and what is needed to perform it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action

NOT_TOLD = "not told: "
"""Prefix of an outcome whose message was refused although the rest was done."""


@dataclass(frozen=True, slots=True)
class Case:
    """One agent, the action proposed for it, and what performing it needs. ``starts_server``: whether a tmux server may
    be started for it, which a caller that only lists decisions leaves to a person."""

    agent: Agent
    action: Action
    fleet: Fleet
    settings: Settings
    environ: Mapping[str, str]
    starts_server: bool = True

    @property
    def store(self) -> Store:
        return Store(self.settings.state_file)

    @property
    def journal(self) -> Journal:
        return Journal(
            self.settings.journal_file, dict.fromkeys((self.agent.pane_id, self.agent.window), self.agent.id)
        )

    def change(self, **fields: Any) -> None:
        """Write fields of the agent's record; others' writes since are kept."""
        self.store.update(lambda fleet: fleet.change(self.agent, **fields))

    def current(self) -> Agent:
        """The record as it is now."""
        known = self.store.read().current(self.agent)
        if known is None:
            raise Refusal(f"{self.agent.called}: its record is gone")
        return known
