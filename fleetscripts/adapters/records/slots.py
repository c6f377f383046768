"""Small numbers of worktrees, each of which stays with its worktree: one file for all fleets of a user."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.records.files import private_folder, replace_file, sweep_temporaries
from fleetscripts.adapters.records.locks import hold
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

LOCK_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SlotBook:
    """``slots.json`` in one folder: numbers from 1 on, by git's own folder for the worktree, which stays where it is
    when the worktree is moved. The number of one that was removed is given again."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "slots.json"

    def known(self) -> Mapping[str, int]:
        """The numbers given. Raises for a damaged file, which is left as it is: the same number twice would clash."""
        try:
            slots = json.loads(self.path.read_bytes())["slots"]
            found = {str(place): slots[place] for place in slots}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FleetError(f"cannot read {self.path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._damaged() from error
        if not all(isinstance(slot, int) and slot > 0 for slot in found.values()):
            raise self._damaged()
        return found

    def given(self, git_dir: str) -> int:
        """This worktree's number, the smallest that is free when it has none yet."""
        if (slot := self.known().get(git_dir)) is not None:
            return slot
        private_folder(self.folder)
        with hold(self.folder / "slots.lock", LOCK_TIMEOUT_SECONDS):
            before = self.known()
            kept = {place: slot for place, slot in before.items() if Path(place).is_dir()}
            if git_dir not in kept:
                taken = set(kept.values())
                kept[git_dir] = next(slot for slot in range(1, len(taken) + 2) if slot not in taken)
            try:
                sweep_temporaries(self.path)
                replace_file(self.path, json.dumps({"slots": kept}, indent=2).encode() + b"\n")
            except OSError as error:
                raise FleetError(f"cannot write {self.path}: {error.strerror}") from error
            return kept[git_dir]

    def _damaged(self) -> FleetError:
        return FleetError(f"{self.path} is damaged and was left as it is: remove it once no agent is at work")
