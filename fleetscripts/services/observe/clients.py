"""Finds the client that runs in a pane from its process tree, and what the tree says about the pane's state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from fleetscripts.account import ACCOUNT_VARIABLE
from fleetscripts.adapters.system import processes
from fleetscripts.adapters.system.processes import Process, ProcessTable
from fleetscripts.agents.kinds import AgentKind, known_kinds
from fleetscripts.core.planning.classify import is_shell
from fleetscripts.core.planning.observation import Work
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Client, Evidence, PaneFacts, PaneState, Source
from fleetscripts.services.observe.user_services import own_tree


@cache
def tells_places() -> frozenset[str]:
    """Variables of a client's environment that name its folders and account; no others are read."""
    return frozenset({"HOME", ACCOUNT_VARIABLE, *(kind.home.variable for kind in known_kinds())})


@dataclass(frozen=True, slots=True)
class PaneClient:
    """The process tree's evidence on one pane. ``client`` and ``kind`` None: no client runs there."""

    evidence: tuple[Evidence, ...] = ()
    kind: AgentKind | None = None
    client: Client | None = None
    work: Work | None = None


def find_client(table: ProcessTable, facts: PaneFacts, kinds: Sequence[AgentKind], now: float) -> PaneClient:
    """The client nearest to the pane's first process, preferring one in the foreground."""
    if facts.dead or facts.pid not in table.by_pid:
        return PaneClient()
    candidates = _clients(table, facts.pid, kinds)
    if not candidates:
        return PaneClient((_nobody(facts),))
    kind, process = next((pair for pair in candidates if pair[1].in_foreground), candidates[0])
    started = processes.started_at(process, now)
    if not process.in_foreground:
        how = "is suspended" if process.stopped else "runs in the background"
        reason = f"{kind.name} (pid {process.pid}) {how}, {facts.command} is in the foreground"
        return PaneClient((Evidence(Source.PROCESS, PaneState.UNKNOWN, reason, at=now),), kind)
    client = Client(
        pid=process.pid,
        started_at=started,
        start_ticks=process.start_ticks,
        cwd=processes.working_directory(process.pid) or facts.path,
        environment=processes.environment(process.pid, tells_places()),
    )
    reason = f"{kind.name} (pid {process.pid}) is in the foreground"
    return PaneClient(
        (Evidence(Source.PROCESS, None, reason, at=started),), kind, client, work_below(table, process.pid)
    )


def work_below(table: ProcessTable, client_pid: int) -> Work:
    """What the client has started and still runs; not the client itself, which draws even while it waits."""
    below = [process for process in own_tree(table, client_pid) if process.pid != client_pid]
    names = ",".join(sorted(f"{process.pid}:{process.start_ticks}" for process in below))
    name = hashlib.sha256(names.encode()).hexdigest()[:12] if below else ""
    return Work(name, round(sum(process.cpu_seconds for process in below), 2))


def _clients(table: ProcessTable, root: int, kinds: Sequence[AgentKind]) -> list[tuple[AgentKind, Process]]:
    """Clients of the tree, nearest first; not those below a client, which are its own business."""
    found: list[tuple[AgentKind, Process]] = []
    below: set[int] = set()
    for process in own_tree(table, root):
        if process.parent in below:
            below.add(process.pid)
            continue
        argv = processes.arguments(process)
        kind = next((kind for kind in kinds if kind.is_client(process.command, argv)), None)
        if kind is not None:
            found.append((kind, process))
            below.add(process.pid)
    return found


def _nobody(facts: PaneFacts) -> Evidence:
    if is_shell(facts.command):
        reason = f"no client runs here, a shell ({facts.command}) is in the foreground"
        return Evidence(Source.PROCESS, PaneState.IDLE, reason)
    return Evidence(Source.PROCESS, PaneState.UNKNOWN, f"no client runs here, {facts.command} is in the foreground")
