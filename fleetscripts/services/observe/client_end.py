"""How a client ended that a shell has replaced: our launch wrapper records it in that shell's environment."""

from __future__ import annotations

import os
import time

from fleetscripts.adapters.system.kernel_log import ended_for_memory
from fleetscripts.adapters.system.processes import environment, read_trees
from fleetscripts.fleet import Agent
from fleetscripts.models import ClientEnd, PaneFacts, PaneState

VARIABLE = "FLEET_CLIENT_ENDED"
"""The pane's process, the client's exit status in a shell's terms, and the client's process."""

KILLED = 128 + 9


def client_end(facts: PaneFacts, agent: Agent | None) -> ClientEnd | None:
    """None without such a shell. The kernel's log is read once, when the end is new."""
    left = environment(facts.pid, frozenset({VARIABLE})).get(VARIABLE, "").split()
    if len(left) != 3 or not all(word.isdecimal() for word in left) or int(left[0]) != facts.pid:
        return None
    status, client = int(left[1]), int(left[2])
    is_new = agent is not None and agent.seen.pane_state != PaneState.IDLE
    return ClientEnd(status, is_new and status == KILLED and ended_for_memory(client, _start_of(facts.pid)))


def _start_of(pid: int) -> float:
    """Seconds since boot without sleep, as the kernel's log counts."""
    process = read_trees([pid]).by_pid.get(pid)
    if process is None or not process.start_ticks.isdecimal():
        return 0
    slept = time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
    return int(process.start_ticks) / os.sysconf("SC_CLK_TCK") - slept
