"""``FLEET_HOME/spent.json``: amounts spent, in one file for all fleets of a folder.

``FLEET_HOME/cost/SESSION.json`` is a session's cost as its client states it, written by ``statusline.py``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import load, read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

LOCK_TIMEOUT_SECONDS = 10.0
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
            members = load(self.path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FleetError(f"cannot read {self.path}: {error.strerror}") from error
        except ValueError:
            return None
        return members if isinstance(members, dict) else None

    def update(self, change: Callable[[Members | None], Members | None]) -> None:
        """Read again under the lock, apply ``change``, replace the file; None changes nothing."""
        with hold(self.fleet_home / "locks" / "spent.lock", LOCK_TIMEOUT_SECONDS):
            after = change(self.read())
            if after is not None:
                write_json(self.path, after, alone=True)

    def set_aside(self) -> None:
        """Rename a damaged file. Only while its lock is held."""
        with suppress(FileNotFoundError):
            self.path.replace(self.path.with_name(f"spent.json.damaged-{time.time():.0f}"))

    def cost_stated(self, session_id: str) -> object:
        """The conversation's cost in US dollars, as its client states it; None if unknown."""
        if not _SESSION.fullmatch(session_id):
            return None
        stated = read_json(self.fleet_home / "cost" / f"{session_id}.json", LARGEST_COST_BYTES)
        return stated.get("usd") if isinstance(stated, dict) else None
