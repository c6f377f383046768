"""The test queue's file: one for all fleets of this user, read whole, changed under a lock."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fleetscripts import schema
from fleetscripts.adapters.records.files import private_folder, replace_file, sweep_temporaries
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
            members = json.loads(self.path.read_bytes())
            return dict(schema.mapping("the queue", members))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FleetError(f"cannot read {self.path}: {error.strerror}") from error
        except (ValueError, RecursionError, schema.WrongShape) as error:
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
                try:
                    sweep_temporaries(self.path)
                    replace_file(self.path, json.dumps(after, indent=2).encode() + b"\n")
                except OSError as error:
                    raise FleetError(f"cannot write {self.path}: {error.strerror}") from error
            return answer
