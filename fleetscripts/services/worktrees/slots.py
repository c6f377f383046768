"""A number per worktree, passed to whatever runs there, so that ports, databases and containers differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.git.place import repository_at
from fleetscripts.adapters.records.slots import SlotBook
from fleetscripts.config import Settings
from fleetscripts.own_folder import user_state
from fleetscripts.services.worktrees.worktree_settings import TABLE, worktree_settings

SLOT, PORT_BASE = "FLEET_SLOT", "FLEET_PORT_BASE"


def slot_book(settings: Settings, environ: Mapping[str, str]) -> SlotBook:
    """All numbers of this user."""
    return SlotBook(user_state(settings.home, environ))


def slot_variables(settings: Settings, environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The worktree's number and its first port as variables; none without a configured ``[worktree]``."""
    if TABLE not in settings.extra:
        return {}
    repository = repository_at(folder)
    found = worktree_settings(settings, repository.common_dir)
    assert found is not None
    slot = slot_book(settings, environ).given(repository.git_dir)
    return {SLOT: str(slot), PORT_BASE: str(found.port_of(slot))}
