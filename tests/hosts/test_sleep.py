"""Either machine may sleep: nobody takes old news for new when it wakes, and calls are done once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.hosts.conftest import MakeLinked
from tests.hosts.linked import LinkedHost, agent, helpers, masters, processes
from tests.hosts.test_broken_links import CallThread, calls_of
from tests.places import BUNDLE
from tests.waiting import wait_until

AHEAD_SECONDS = 5000


def ends_here(host: LinkedHost) -> list[int]:
    """All of this machine's processes that keep the link."""
    channels = processes(f"ssh .*ControlPath={masters_socket(host)}")
    return [host.link().pid, *dict.fromkeys([*masters(host), *channels])]


def masters_socket(host: LinkedHost) -> str:
    from fleetscripts.services.links.connection import ssh_of

    return str(ssh_of(host.settings, host.host).socket)


@pytest.mark.stress
def test_this_machine_sleeps_and_wakes_and_takes_nothing_old_for_new(make_linked: MakeLinked) -> None:
    alpha = make_linked()
    alpha.put(agent(1, state="running"))
    alpha.begin()
    before = alpha.there.handshakes()
    asleep = ends_here(alpha)
    assert len(asleep) >= 3
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    asked = CallThread(alpha, "tasks", "add", "x", "y", timeout=180)
    alpha.put(agent(1, state="done"), agent(2))
    view = alpha.lost(45)
    assert [one.id for one in view.fleet.agents] == ["agent1"]
    wait_until(lambda: not helpers(alpha.there), 90)  # nobody asks there any more
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)
    began = time.monotonic()
    view = alpha.reached(30)
    assert time.monotonic() - began < 15
    assert [(one.id, one.state) for one in view.fleet.agents] == [("agent1", "done"), ("agent2", "running")]
    assert (asked.answer().state, asked.answer().exit_code) == ("done", 0)
    assert len(calls_of(alpha)) == 1
    assert len(helpers(alpha.there)) == 1
    assert alpha.there.handshakes() <= before + 1


def test_the_clock_of_links_counts_the_sleep_of_the_machine() -> None:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only for root on Linux: a clock of its own")
    program = "from fleetscripts.adapters.system.steady_clock import steady_seconds; import time; "
    program += "print(steady_seconds(), time.monotonic())"
    told = []
    for ahead in ([], ["unshare", "--time", "--boottime", str(AHEAD_SECONDS)]):
        words = [*ahead, sys.executable, "-c", program]
        done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=BUNDLE)
        told.append(list(map(float, done.stdout.split())))
    (steady, plain), (steady_ahead, plain_ahead) = told
    assert AHEAD_SECONDS - 1 < steady_ahead - steady < AHEAD_SECONDS + 60
    assert 0 <= plain_ahead - plain < 60
