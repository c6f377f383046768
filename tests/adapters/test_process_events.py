"""The end of a process is told at once, whoever its parent is."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from fleetscripts.adapters.system.process_events import ProcessEvents
from tests.waiting import wait_until


@pytest.fixture
def told() -> list[int]:
    return []


@pytest.fixture
def events(told: list[int]) -> Iterator[ProcessEvents]:
    made = ProcessEvents(lambda pids: told.extend(sorted(pids)))
    yield made
    made.close()


def test_a_grandchild_that_is_killed_is_told(events: ProcessEvents, told: list[int]) -> None:
    argv = ["sh", "-c", "sleep 100 & echo $!; wait"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        pid = int(shell.stdout.readline())
        events.watch({pid, shell.pid})
        subprocess.run(["kill", "-9", str(pid)], check=True)
        began = time.monotonic()
        wait_until(lambda: pid in told, what="its end")
        assert time.monotonic() - began < 5


def test_one_that_is_gone_already_is_told(events: ProcessEvents, told: list[int]) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    events.watch({ended.pid})
    wait_until(lambda: told == [ended.pid], what="its end")


def test_one_that_is_watched_no_more_is_not_told(events: ProcessEvents, told: list[int]) -> None:
    with subprocess.Popen(["sleep", "100"]) as left, subprocess.Popen(["sleep", "100"]) as kept:
        events.watch({left.pid, kept.pid})
        events.watch({kept.pid})
        left.send_signal(signal.SIGKILL)
        left.wait()
        kept.send_signal(signal.SIGKILL)
        wait_until(lambda: told, what="the end of the other")
        assert told == [kept.pid]
