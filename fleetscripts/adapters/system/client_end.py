"""How a client ended that a shell has replaced: our launch wrapper records it in that shell's environment, and the
kernel's log, if it may be read, names the processes killed for memory."""

from __future__ import annotations

import os
import time

from fleetscripts.adapters.system.processes import environment, read_trees
from fleetscripts.fleet import Agent
from fleetscripts.models import ClientEnd, PaneFacts, PaneState
from fleetscripts.pattern import pattern

VARIABLE = "FLEET_CLIENT_ENDED"
"""The pane's process, the client's exit status in a shell's terms, and the client's process."""

KILLED = 128 + 9

LOG = "/dev/kmsg"
LONGEST_RECORD = 8192
MOST_RECORDS = 100_000
_KILLED = pattern(r"Killed process (?P<pid>[0-9]+) \(")


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


def ended_for_memory(pid: int, since: float) -> bool:
    """Whether it killed this process, not before ``since`` (seconds since boot)."""
    try:
        log = os.open(LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return any(_is_about(_next(log), pid, since) for _ in range(MOST_RECORDS))
    except OSError:  # read to its end
        return False
    finally:
        os.close(log)


def _next(log: int) -> str:
    """One record: ``PRIORITY,NUMBER,MICROSECONDS,FLAGS;TEXT``. Some may be overwritten before they are read."""
    while True:
        try:
            return os.read(log, LONGEST_RECORD).decode(errors="replace")
        except BrokenPipeError:
            continue


def _is_about(record: str, pid: int, since: float) -> bool:
    head, _, text = record.partition(";")
    found = _KILLED.search(text)
    fields = head.split(",")
    return found is not None and int(found["pid"]) == pid and int(fields[2]) / 1e6 >= since
