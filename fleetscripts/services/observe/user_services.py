"""A client's processes that serve all of a user's sessions: what runs below one may be any agent's.

The first session that needs the service starts it, so that it is below that one's pane and has its environment; neither
identifies the conversations that it holds."""

from __future__ import annotations

from collections.abc import Iterator

from fleetscripts.adapters.system import processes
from fleetscripts.adapters.system.processes import Process, ProcessTable
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.fleet import Agent


def is_service(process: Process) -> bool:
    """Whether it is such a process itself."""
    argv = processes.arguments(process)
    return any(kind.serves_all(argv) for kind in known_kinds())


def own_tree(table: ProcessTable, root: int) -> Iterator[Process]:
    """The process and its descendants, without services and theirs."""
    return table.tree(root, without=is_service)


def below_services(table: ProcessTable) -> frozenset[int]:
    """Every process below a service."""
    services = [process for process in table.by_pid.values() if is_service(process)]
    found = {below.pid for service in services for below in table.tree(service.pid)}
    return frozenset(found - {service.pid for service in services})


def holds_session_of(agent: Agent, table: ProcessTable, process: Process) -> bool:
    """Whether a process there holds one of the agent's conversations, or waits for one."""
    own = {"", agent.session_id, *agent.session_ids}
    held = [kind.held_in_background(one.pid) for one in table.tree(process.pid) for kind in known_kinds()]
    return any(session is not None and session.session_id in own for session in held)
