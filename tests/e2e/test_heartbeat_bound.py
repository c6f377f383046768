"""``heartbeat`` where no loop runs: recoveries beside each other, none begun after its time, the rest left and told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fleetscripts.core.planning.action_row import Lane
from fleetscripts.services.loop.jobs import LANES, Jobs
from fleetscripts.services.reports.heartbeat import REPAIR_SECONDS
from tests.e2e.crew import Crew
from tests.e2e.quick import heartbeat, kill_client, quick_crew

ONE_RECOVERY_SECONDS = 15.0
"""More than the longest takes that was begun in time, the look before and the report after."""


def test_what_was_not_begun_in_time_is_left_and_what_was_is_waited_for() -> None:
    jobs, go, ran = Jobs(), threading.Event(), []

    def job(number: int) -> None:
        assert go.wait(20)
        ran.append(number)

    for number in range(10):
        jobs.start(number, lambda number=number: job(number), Lane.START)  # type: ignore[misc]
    threading.Timer(0.3, go.set).start()
    assert jobs.wait(0.1) == 10 - LANES[Lane.START]
    assert sorted(ran) == list(range(LANES[Lane.START]))
    assert not any(jobs.busy(number) for number in range(10))
    assert jobs.wait(0.1) == 0
    jobs.close()


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(spares=20, config="notify_desktop = false\n") as made:
        yield made


@pytest.mark.stress
def test_twenty_clients_that_died_are_back_within_the_bound(crew: Crew, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        windows = list(pool.map(lambda n: crew.spawn(f"feat/{n}", "Say so. [[say So.]]", "--step", "one"), range(20)))
    for window in windows:
        kill_client(crew, window)
    began = time.monotonic()
    first = crew.run("heartbeat")
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\n20 clients resumed by one heartbeat in {took:.1f} s")
    assert first.returncode == 0, first.stderr
    assert took < REPAIR_SECONDS + ONE_RECOVERY_SECONDS
    assert first.stderr.startswith("heartbeat: looking at every window; where no loop runs")
    while left := [item for item in heartbeat(crew)["proposals"] if item["kind"] == "left"]:
        assert time.monotonic() - began < 90, left
    assert all(crew.registry(crew.agent(window)["session_id"]) for window in windows)
