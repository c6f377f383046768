"""A stop, a sleep and a set clock are noticed; slow looks on a busy machine are not taken for one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from fleetscripts.config import load_settings
from fleetscripts.fleet import Fleet
from fleetscripts.services.loop.cycle import Cycle
from fleetscripts.services.loop.loop_clock import LoopClock
from fleetscripts.services.loop.loop_schedule import EventSchedule, Look, PollSchedule
from fleetscripts.services.loop.loop_watch import News


class Clocks:
    def __init__(self) -> None:
        self.wall, self.steady = 1_800_000_000.0, 100.0

    def on(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(time, "time", lambda: made.wall)
    monkeypatch.setattr(time, "monotonic", lambda: made.steady)
    return made


def test_a_wait_that_ends_in_time_is_nothing(clocks: Clocks) -> None:
    clock = LoopClock()
    for _ in range(5):
        clock.waits(300)
        clocks.on(301)
        assert clock.missed() == ""


def test_a_stop_in_a_wait_and_one_in_a_look_are_noticed_once(clocks: Clocks) -> None:
    clock = LoopClock()
    clock.waits(30)
    clocks.on(3600)
    assert "stopped for 3565 s" in clock.missed()
    clocks.on(0.5)
    assert clock.missed() == ""
    clocks.on(12)
    assert "stopped" in clock.missed()
    clock.waits(30)
    clocks.on(30)
    assert clock.missed() == ""


def test_looks_that_grow_slow_are_no_stop(clocks: Clocks) -> None:
    clock = LoopClock()
    for seconds in (1, 4, 9, 15, 18, 18):
        clock.missed()
        clocks.on(seconds)
        assert clock.missed() == "", seconds
        clock.waits(1)


@pytest.mark.parametrize(("jump", "said"), [(7200.0, "went on by 7200 s"), (-86400.0, "went back by 86400 s"), (2, "")])
def test_a_clock_that_was_set_is_noticed_once(clocks: Clocks, jump: float, said: str) -> None:
    clock = LoopClock()
    clock.waits(30)
    clocks.on(1)
    clocks.wall += jump
    assert said in clock.missed()
    clock.waits(30)
    assert clock.missed() == ""


class WokenClock:
    """A clock that tells once of a machine that slept."""

    def __init__(self) -> None:
        self.told = ["the machine slept"]

    def missed(self) -> str:
        return self.told.pop() if self.told else ""

    def waits(self, seconds: float) -> None:
        pass


@pytest.mark.parametrize(
    "kind", [PollSchedule, lambda queue: EventSchedule(queue, print)], ids=["polling", "listening"]
)
def test_time_is_not_trusted_until_a_look_at_everything_succeeded(
    kind: Callable[[SimpleQueue[News]], PollSchedule | EventSchedule], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX_TMPDIR", str(home))
    known = load_settings(os.environ)
    settings = replace(known, state_file=home / "state.json", tmux_socket="nobody", poll_interval_seconds=30)
    rhythm = kind(SimpleQueue())
    try:
        rhythm._clock = WokenClock()  # type: ignore[assignment]
        first = rhythm.due(settings, Fleet())
        assert first == Look(missed="the machine slept")
        rhythm.looked(settings, first, None, False, time.monotonic())
        assert rhythm.due(settings, Fleet()) is None, "a look that failed rests"
        later = time.monotonic() + 40
        monkeypatch.setattr(time, "monotonic", lambda: later)
        again = rhythm.due(settings, Fleet())
        assert again == Look(missed="the machine slept")
        rhythm.looked(settings, again, Cycle(Fleet(), (), (), False), False, later)
        monkeypatch.setattr(time, "monotonic", lambda: later + 100)
        assert rhythm.due(settings, Fleet()) == Look()
    finally:
        monkeypatch.undo()
        rhythm.close()
