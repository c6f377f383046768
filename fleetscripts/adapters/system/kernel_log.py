"""Processes killed for memory, by the kernel's own log, if it may be read."""

from __future__ import annotations

import os

from fleetscripts.pattern import pattern

LOG = "/dev/kmsg"
LONGEST_RECORD = 8192
MOST_RECORDS = 100_000
_KILLED = pattern(r"Killed process (?P<pid>[0-9]+) \(")


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
