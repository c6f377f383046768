"""Live clients by the folder they work in: where one does, nobody else is set to work, whatever the records say."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.adapters.system import processes
from fleetscripts.adapters.system.processes import ProcessTable, read_processes
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ClientsInside:
    """Every live client of this machine that can be seen."""

    table: ProcessTable

    def words(self, folder: Path) -> str:
        """Which client works in the folder, empty when none does."""
        found = processes.working_in(folder, self.table)
        return f"{found[0].command} (pid {found[0].pid}) works in it" if found else ""


def clients_inside() -> ClientsInside:
    """As they are now."""
    kinds = known_kinds()
    clients = {
        process.pid: process
        for process in read_processes().by_pid.values()
        if any(kind.is_client(process.command, processes.arguments(process)) for kind in kinds)
    }
    return ClientsInside(ProcessTable(clients))
