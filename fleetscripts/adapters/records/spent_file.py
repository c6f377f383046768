"""``FLEET_HOME/spent.json``: amounts spent, in one file for all fleets of a folder.

``FLEET_HOME/cost/SESSION.json`` is a session's cost as its client states it, written by ``statusline.py``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.files import private_folder, replace_file, sweep_temporaries
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

LOCK_TIMEOUT_SECONDS = 10.0
LARGEST_BYTES = 64 << 20
LARGEST_COST_BYTES = 4096
_SESSION = pattern(r"[A-Za-z0-9-]{1,64}")

Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SpentFile:
    """The file in one folder. An invalid one reads as None; the next change keeps it beside the new file."""

    fleet_home: Path

    @property
    def path(self) -> Path:
        return self.fleet_home / "spent.json"

    def read(self) -> Members | None:
        """The file's members, none without a file."""
        try:
            members = json.loads(read_regular(self.path, LARGEST_BYTES))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FleetError(f"cannot read {self.path}: {error.strerror}") from error
        except (ValueError, RecursionError):
            return None
        return members if isinstance(members, dict) else None

    def update(self, change: Callable[[Members | None], Members | None]) -> None:
        """Read again under the lock, apply ``change``, replace the file; None changes nothing."""
        with hold(self.fleet_home / "locks" / "spent.lock", LOCK_TIMEOUT_SECONDS):
            after = change(self.read())
            if after is None:
                return
            try:
                private_folder(self.fleet_home)
                sweep_temporaries(self.path)
                replace_file(self.path, json.dumps(after).encode())
            except OSError as error:
                raise FleetError(f"cannot write {self.path}: {error.strerror}") from error

    def set_aside(self) -> None:
        """Rename a damaged file. Only while its lock is held."""
        with suppress(FileNotFoundError):
            self.path.replace(self.path.with_name(f"spent.json.damaged-{time.time():.0f}"))

    def cost_stated(self, session_id: str) -> object:
        """The conversation's cost in US dollars, as its client states it; None if unknown."""
        if not _SESSION.fullmatch(session_id):
            return None
        try:
            stated = json.loads(read_regular(self.fleet_home / "cost" / f"{session_id}.json", LARGEST_COST_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        return stated.get("usd") if isinstance(stated, dict) else None
