"""What was read of a screen before is taken for the same screen: it says what a new reading says, or is not taken."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import load_settings
from fleetscripts.core.screen.reading import Reader, Reading
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Frame, PaneFacts, PaneState
from fleetscripts.services.loop.cycle import run_cycle
from fleetscripts.services.observe.readings import KeptReadings, Readings, forget_readings
from fleetscripts.services.observe.saved_screens import ScreenHints, read_saved
from tests.places import BUNDLE, TmuxServer

NOW = 1_800_000_000.0
SCREENS = sorted((BUNDLE / "tests" / "screens").rglob("*.ansi"))
PROMPT = next(path for path in SCREENS if path.stem == "prompt-after-answer")


@pytest.fixture(autouse=True)
def new_process() -> None:
    forget_readings()


@contextmanager
def counted(*codes: CodeType) -> Iterator[list[CodeType]]:
    """The calls of these functions meanwhile."""
    calls: list[CodeType] = []

    def note(frame: Any, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code in codes:
            calls.append(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def frame_of(path: Path) -> tuple[Frame, str]:
    saved = read_saved(path, ScreenHints())
    return Frame(saved.facts, saved.lines, NOW, styled=True), saved.agent


def said(reading: Reading) -> object:
    """All that a cycle takes from it."""
    box = reading.layout.box
    return reading.agent, reading.evidence, reading.above, box and (box.top, box.bottom, box.draft, box.mark)


def read_again(home: Path, frame: Frame, kind: str) -> Reading:
    """By a process that has read nothing yet."""
    forget_readings()
    return KeptReadings(home, NOW).read(frame, kind)[1]


def test_a_kept_reading_of_each_screen_says_what_a_new_one_says(tmp_path: Path) -> None:
    """One of every 25 recordings, in one file, as an earlier process kept them."""
    frames = [frame_of(path) for path in SCREENS[::25]]
    new = [Readings(tmp_path, NOW).read(frame, kind)[1] for frame, kind in frames]
    first = KeptReadings(tmp_path, NOW)
    for frame, kind in frames:
        first.read(frame, kind)
    first.keep()
    forget_readings()
    second = KeptReadings(tmp_path, NOW)
    with counted(Reader.read.__code__) as calls:
        again = [second.read(frame, kind)[1] for frame, kind in frames]
    assert list(map(said, again)) == list(map(said, new))
    assert len(calls) < len(frames) / 3, "most of them are taken as they were kept"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-9],
        lambda text: "",
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: json.dumps(json.loads(text) | {"readings": []}),
        lambda text: json.dumps(json.loads(text) | {"readings": dict.fromkeys(json.loads(text)["readings"])}),
        lambda text: text.replace('"prompt"', '"at rest"'),
        lambda text: text.replace('"prompt"', "7"),
        lambda text: text.replace("false", "0"),
        lambda text: json.dumps(json.loads(text) | {"mark": "of another release"}).replace('"prompt"', '"running"'),
    ],
    ids=[
        "cut off",
        "empty",
        "a list",
        "too deep",
        "no mapping",
        "of nothing",
        "no state",
        "a number",
        "no flag",
        "old",
    ],
)
def test_a_file_that_is_not_what_was_kept_is_read_anew(tmp_path: Path, damage: Callable[[str], str]) -> None:
    frame, kind = frame_of(PROMPT)
    new = Readings(tmp_path, NOW).read(frame, kind)[1]
    kept = KeptReadings(tmp_path, NOW)
    kept.read(frame, kind)
    kept.keep()
    file = tmp_path / "readings" / "screens.json"
    assert file.stat().st_mode & 0o777 == 0o600
    damaged = damage(file.read_text())
    assert damaged != file.read_text()
    file.write_text(damaged)
    assert said(read_again(tmp_path, frame, kind)) == said(new)


def test_another_screen_title_size_command_or_client_is_read_anew(tmp_path: Path) -> None:
    frame, kind = frame_of(PROMPT)
    KeptReadings(tmp_path, NOW).read(frame, kind)
    facts = {name: getattr(frame.facts, name) for name in ("command", "title", "width")}
    others = [facts | {"command": "node"}, facts | {"title": "✳ else"}, facts | {"width": 1}]
    frames = [(Frame(PaneFacts("%9", **other), frame.lines, NOW), kind) for other in others]
    frames += [(Frame(frame.facts, (*frame.lines[:-1], "esc to interrupt"), NOW), kind), (frame, "auto")]
    for other, of in frames:
        with counted(Reader.read.__code__) as calls:
            KeptReadings(tmp_path, NOW).read(other, of)
        assert len(calls) == 1, (other.facts, of)


def test_a_rule_of_the_users_own_counts_at_once(tmp_path: Path) -> None:
    frame, kind = frame_of(PROMPT)
    assert KeptReadings(tmp_path, NOW).read(frame, kind)[1].screen.state is PaneState.PROMPT
    rule = '[[rule]]\nname = "mine"\nregion = "last_message"\nall = ["[a-z]"]\nstate = "complete"\nseen = "here"\n'
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "claude.toml").write_text(rule)
    assert KeptReadings(tmp_path, NOW).read(frame, kind)[1].screen.rule == "mine"
    (tmp_path / "rules" / "claude.toml").unlink()
    assert KeptReadings(tmp_path, NOW).read(frame, kind)[1].screen.state is PaneState.PROMPT


def test_what_somebody_typed_and_what_depends_on_the_time_is_not_kept(tmp_path: Path) -> None:
    for path in [path for path in SCREENS if "draft" in path.stem or path.stem == "limit-wall"][::20]:
        frame, kind = frame_of(path)
        readings = KeptReadings(tmp_path, NOW)
        reading = readings.read(frame, kind)[1]
        readings.keep()
        with counted(Reader.read.__code__) as calls:
            KeptReadings(tmp_path, NOW).read(frame, kind)
        is_told = reading.screen.draft or reading.screen.state is PaneState.RATE_LIMITED
        assert bool(calls) or not is_told, path


def test_a_cycle_reads_no_screen_again_that_has_not_changed(tmux_server: TmuxServer, home: Path) -> None:
    """The fleet's panes are read once, however often they are looked at, in this process and in the next one."""
    panes = [tmux_server.new_session(command=["sleep", "900"])]
    panes += [tmux_server.new_window(command=["sleep", "900"]) for _ in range(4)]
    store, settings = Store(home / "state.json"), load_settings(os.environ)
    server = Tmux(tmux_server.socket).require_server()
    agents = [Agent(f"fleet:{n}", f"tree-{n}", pane_id=pane, tmux_server=server) for n, pane in enumerate(panes)]
    store.update(lambda _: Fleet(agents=tuple(agents)), create=Fleet())
    run_cycle(store, settings, time.time())
    for _ in range(2):
        with counted(Reader.read.__code__) as calls:
            cycle = run_cycle(store, settings, time.time())
        assert (len(cycle.looks), calls) == (5, [])
        forget_readings()
