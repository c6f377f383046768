"""Running clients by working folder: a worktree with one is never given to another agent, whatever the records say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.system import processes
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ClientsInside:
    """The working folders of this machine's visible processes."""

    folders: Mapping[int, str]

    def words(self, folder: Path) -> str:
        """The client that works in the folder, empty if none does."""
        inside = processes.pids_in(folder, self.folders)
        running = processes.read_processes().by_pid if inside else {}
        for pid in sorted(inside & running.keys()):
            process = running[pid]
            words = processes.arguments(process)
            if not process.status.startswith("Z") and any(
                kind.is_client(process.command, words) for kind in known_kinds()
            ):
                return f"{process.command} (pid {pid}) works in it"
        return ""


def clients_inside() -> ClientsInside:
    """As they are now."""
    return ClientsInside(processes.working_folders())
