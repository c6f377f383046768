"""The test queue's file: one for all fleets of this user, read whole, changed under a lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fleetscripts import schema
from fleetscripts.adapters.records.files import private_folder
from fleetscripts.adapters.records.json_files import load, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.errors import FleetError

LOCK_TIMEOUT_SECONDS = 30.0

T = TypeVar("T")
Members = dict[str, Any]


class QueueFile:
    """``queue.json`` in one folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "queue.json"

    def read(self) -> Members:
        """The file's members, none without a file. Raises for a damaged one, which is left as it is."""
        try:
            return dict(schema.mapping("the queue", load(self.path)))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FleetError(f"cannot read {self.path}: {error.strerror}") from error
        except (ValueError, schema.WrongShape) as error:
            raise FleetError(
                f"the test queue {self.path} is damaged and was left as it is ({error}): remove it, then add again"
            ) from error

    def update(self, change: Callable[[Members], tuple[Mapping[str, Any], T]]) -> T:
        """Read again under the lock, apply ``change``, replace the file; returns the second result of ``change``."""
        private_folder(self.path.parent)
        with hold(self.path.with_name("queue.lock"), LOCK_TIMEOUT_SECONDS):
            before = self.read()
            after, answer = change(dict(before))
            if after != before:
                write_json(self.path, after, indent=True, alone=True)
            return answer
