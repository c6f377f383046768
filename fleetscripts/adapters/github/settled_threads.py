"""Which review threads were already resolved when a task began: its agent is not judged by them."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.dataclass import dataclass
from fleetscripts.pull_request import PullKey, PullRequest


@dataclass(frozen=True, slots=True)
class SettledThreads:
    """One small file per task on a pull request, under FLEET_HOME."""

    folder: Path

    def keep(self, pull: PullRequest, task_started_at: float) -> None:
        """Record the threads that are resolved as the task begins."""
        settled = sorted(thread.id for thread in pull.threads if thread.resolved)
        write_json(self._file(pull.key, task_started_at), settled)

    def read(self, key: PullKey, task_started_at: float) -> frozenset[str]:
        """The recorded threads; none without a record, so that every resolved thread is judged."""
        settled = read_json(self._file(key, task_started_at))
        return (
            frozenset(name for name in settled if isinstance(name, str)) if isinstance(settled, list) else frozenset()
        )

    def _file(self, key: PullKey, task_started_at: float) -> Path:
        name = f"{key.host}-{key.owner}-{key.name}-{key.number}-{int(task_started_at)}".replace("/", "-")
        return self.folder / f"{name}.json"
