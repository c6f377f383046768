"""A number per worktree, passed to whatever runs there, so that ports, databases and containers differ. One
file for all fleets of a user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.git.place import repository_at
from fleetscripts.adapters.records.files import private_folder
from fleetscripts.adapters.records.json_files import load, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.own_folder import user_state
from fleetscripts.services.worktrees.worktree_settings import TABLE, worktree_settings

SLOT, PORT_BASE = "FLEET_SLOT", "FLEET_PORT_BASE"

LOCK_TIMEOUT_SECONDS = 30.0


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


@dataclass(frozen=True, slots=True)
class SlotBook:
    """``slots.json`` in one folder: numbers from 1, by the worktree's git folder, which does not move with it. A
    removed worktree's number is reused."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "slots.json"

    def known(self) -> Mapping[str, int]:
        """The assigned numbers. Raises for a damaged file, which is left as it is: a number given twice would clash."""
        try:
            slots = load(self.path)["slots"]
            found = {str(place): slots[place] for place in slots}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FleetError(f"cannot read {self.path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged() from error
        if not all(isinstance(slot, int) and slot > 0 for slot in found.values()):
            raise self._damaged()
        return found

    def given(self, git_dir: str) -> int:
        """This worktree's number; assigns the smallest free one if it has none yet."""
        if (slot := self.known().get(git_dir)) is not None:
            return slot
        private_folder(self.folder)
        with hold(self.folder / "slots.lock", LOCK_TIMEOUT_SECONDS):
            before = self.known()
            kept = {place: slot for place, slot in before.items() if Path(place).is_dir()}
            if git_dir not in kept:
                taken = set(kept.values())
                kept[git_dir] = next(slot for slot in range(1, len(taken) + 2) if slot not in taken)
            write_json(self.path, {"slots": kept}, indent=True, alone=True)
            return kept[git_dir]

    def _damaged(self) -> FleetError:
        return FleetError(f"{self.path} is damaged and was left as it is: remove it once no agent is at work")
