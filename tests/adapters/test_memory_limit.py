"""A limit on memory that the kernel keeps, and its log of what it ended for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from fleetscripts.adapters.system.client_end import LOG, ended_for_memory
from fleetscripts.adapters.system.memory_limit import can_limit_memory, limit_memory
from fleetscripts.adapters.system.memory_scope import PREFIX, memory_groups, scope_of

LIMIT = 100_000_000
EATS = "import sys; sys.stdin.readline(); bytearray(1_000_000_000)"

pytestmark = pytest.mark.skipif(bool(can_limit_memory(LIMIT)), reason="nothing limits memory here")


def test_a_process_that_takes_more_is_ended_and_the_kernels_log_names_it() -> None:
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    with subprocess.Popen([sys.executable, "-Ic", EATS], stdin=subprocess.PIPE) as eater:
        assert limit_memory(eater.pid, LIMIT) == ""
        scope = scope_of(eater.pid)
        assert scope is not None
        assert (scope.kills, LIMIT - 4096 <= scope.limit_bytes <= LIMIT) == (0, True)
        assert limit_memory(eater.pid, LIMIT) == "", "once more is no other scope"
        eater.communicate(b"\n")
        assert eater.returncode == -signal.SIGKILL
    if os.access(LOG, os.R_OK):
        assert ended_for_memory(eater.pid, before - 1)
        assert not ended_for_memory(eater.pid, before + 600), "that was another process of this number"
        assert not ended_for_memory(os.getpid(), 0)


def test_the_next_one_that_is_limited_clears_up_what_the_last_one_left() -> None:
    with subprocess.Popen(["sleep", "60"]) as first:
        assert limit_memory(first.pid, LIMIT) == ""
        [group] = [
            hierarchy.root / path for hierarchy, path in memory_groups(first.pid) if path.name.startswith(PREFIX)
        ]
        first.kill()
    assert can_limit_memory(LIMIT) == ""
    assert not group.exists()


def test_what_is_no_process_is_told() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert limit_memory(ended.pid, LIMIT)
    assert scope_of(ended.pid) is None
