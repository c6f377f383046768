"""The live view: right at every size, quick to show what changes, and a way to an agent's window."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.core.records.sanitize import width
from fleetscripts.core.reports.status_text import URGENT_FIRST, by_urgency, in_order
from fleetscripts.core.reports.watch_view import Model, Piece, View, moved, screen, settled, table_rows
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.record import LastLook, Verdict
from tests.places import BUNDLE, TmuxServer
from tests.records import agent_with
from tests.waiting import wait_until

QUICK_SECONDS = 3.0
"""From a changed file to the screen; 0.3 s are usual."""

texts = st.text(max_size=40)
agents = st.builds(
    agent_with,
    window=texts,
    worktree=texts,
    worktree_path=st.uuids().map(str),
    branch=texts,
    objective=texts,
    state=st.sampled_from(AgentState),
    last_said=texts,
    escalation=texts,
    account=texts,
    pr_number=st.sampled_from(["", "12", "123456"]),
    steps=st.just(("a", "b")),
)


@given(
    st.lists(agents, max_size=30, unique_by=lambda agent: agent.key),
    st.integers(10, 250),
    st.integers(6, 70),
    st.lists(st.integers(-40, 40), max_size=6),
    texts,
)
def test_it_fits_any_screen_and_shows_what_is_selected(
    listed: list[Agent], columns: int, height: int, moves: list[int], message: str
) -> None:
    view = settled(View(), listed, table_rows(height))
    for by in moves:
        view = settled(moved(view, listed, by), listed, table_rows(height))
    model = Model((Piece("fleet"),), "loop", tuple(listed), 1000.0, ("12:00:00 did it",), "")
    lines = screen(model, view, columns, height)
    assert len(lines) == height
    assert all(sum(width(piece.text) for piece in line) <= columns for line in lines)
    marked = [line for line in lines if line and line[0].text.startswith("▌")]
    assert len(marked) == bool(listed)
    if listed:
        assert view.top <= view.index < view.top + table_rows(height)
        assert listed[view.index].key == view.selected


def test_what_is_selected_stays_selected_when_others_come_and_go() -> None:
    listed = [Agent(f"s:{n}", worktree_path=f"/{n}") for n in range(5)]
    view = settled(moved(settled(View(), listed, 3), listed, 2), listed, 3)
    assert view.selected == listed[2].key
    assert settled(view, listed[2:], 3).index == 0
    assert settled(view, listed[:2], 3).selected == listed[1].key
    assert settled(view, [], 3).selected is None


def test_who_waits_for_somebody_stands_first_and_recycled_ones_last() -> None:
    states = [AgentState.RECYCLED, AgentState.RUNNING, AgentState.DONE, AgentState.ESCALATED, AgentState.RUNNING]
    listed = [Agent(f"s:{n}", "t", f"/{n}", state=state) for n, state in enumerate(states)]
    assert [agent.window for agent in in_order(listed)] == ["s:3", "s:1", "s:2", "s:4", "s:0"]
    assert set(URGENT_FIRST) == set(AgentState)
    assert by_urgency(Counter(states)) == [
        (AgentState.ESCALATED, 1),
        (AgentState.RUNNING, 2),
        (AgentState.DONE, 1),
        (AgentState.RECYCLED, 1),
    ]


@pytest.fixture
def outer(tmux_server: TmuxServer) -> Iterator[TmuxServer]:
    """A second server, whose panes are terminals of a person."""
    server = TmuxServer(f"{tmux_server.socket}o")
    yield server
    server.kill()


def watch_command() -> str:
    return shlex.join([sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "status", "--watch"])


def fleet_of(server: TmuxServer, count: int) -> Fleet:
    """Agents whose panes just stand there."""
    tmux = Tmux(server.socket)
    made = []
    for number in range(count):
        pane = server.new_window(command=["sh", "-c", f"echo here works {number}; exec sleep 900"])
        facts = tmux.resolve(pane)
        assert facts is not None
        agent = Agent("x", f"tree-{number}", f"/tree/{number}", branch=f"feat/{number}", spawned_at=time.time())
        made.append(agent.at(facts, tmux.server()))
    return Fleet(tmux_session="fleet", agents=tuple(made))


def test_it_shows_changes_and_goes_to_an_agents_window(tmux_server: TmuxServer, outer: TmuxServer, home: Path) -> None:
    store = Store(home / "state.json")
    pane = tmux_server.new_session(command=["sh"])
    fleet = fleet_of(tmux_server, 3)
    store.update(lambda _: fleet, create=Fleet())
    seat = outer.new_session("seat", ["env", "-u", "TMUX", "tmux", "-L", tmux_server.socket, "attach", "-t", pane])
    wait_until(lambda: tmux_server.run("list-clients"), what="a client")
    outer.run("send-keys", "-t", seat, watch_command(), "Enter")
    wait_until(lambda: "j/k" in outer.screen(seat), what="the view")
    assert "feat/2" in outer.screen(seat)

    begun = time.monotonic()
    store.update(lambda now: now.change(now.agents[1], state=AgentState.ESCALATED, escalation={"reason": "why so"}))
    wait_until(lambda: "escalated" in outer.screen(seat), what="the change")
    assert time.monotonic() - begun < QUICK_SECONDS

    outer.run("resize-window", "-t", seat, "-x", "47", "-y", "14")
    narrow = outer.screen
    wait_until(lambda: "feat/2" not in narrow(seat) and "fleet:3" in narrow(seat), 20, lambda: narrow(seat))
    outer.run("resize-window", "-t", seat, "-x", "120", "-y", "40")
    wait_until(lambda: "feat/2" in outer.screen(seat), what="wide again")

    outer.run("send-keys", "-t", seat, "j", "Down", "k", "g")
    wait_until(lambda: "1/3" in outer.screen(seat), what="the escalated one, now the first")
    outer.run("send-keys", "-t", seat, "Enter")
    wait_until(lambda: "here works 1" in outer.screen(seat), what="its window")

    def view_is_back() -> bool:
        tmux_server.run("select-window", "-t", pane)  # again: the view may only now be switching to that window
        return "j/k" in outer.screen(seat)

    wait_until(view_is_back, what="the view again")
    outer.run("send-keys", "-t", seat, "q")
    wait_until(lambda: "j/k" not in outer.screen(seat), what="its end")


def test_outside_tmux_it_attaches_and_comes_back(tmux_server: TmuxServer, outer: TmuxServer, home: Path) -> None:
    store = Store(home / "state.json")
    tmux_server.new_session(command=["sh"])
    store.update(lambda _: fleet_of(tmux_server, 2), create=Fleet())
    seat = outer.new_session("seat", ["env", "-u", "TMUX", "-u", "TMUX_PANE", "sh"], width=250)
    outer.run("send-keys", "-t", seat, watch_command(), "Enter")
    wait_until(lambda: "j/k" in outer.screen(seat), what="the view")
    whole = store.path.read_bytes()
    store.path.write_text("{")
    wait_until(lambda: "is damaged" in outer.screen(seat), what="the problem")
    assert "feat/1" in outer.screen(seat)
    store.path.write_bytes(whole)
    wait_until(lambda: "j/k" in outer.screen(seat), what="the keys again")
    outer.run("send-keys", "-t", seat, "j", "Enter")
    wait_until(lambda: "here works 1" in outer.screen(seat), what="its window")
    tmux_server.run("detach-client", "-s", "fleet")
    wait_until(lambda: "j/k" in outer.screen(seat), what="the view again")
    outer.run("send-keys", "-t", seat, "q")
    wait_until(lambda: "j/k" not in outer.screen(seat), what="its end")


def test_it_outlives_the_tmux_server_of_the_fleet(tmux_server: TmuxServer, outer: TmuxServer, home: Path) -> None:
    tmux_server.new_session(command=["sh"])
    Store(home / "state.json").update(lambda _: fleet_of(tmux_server, 1), create=Fleet())
    seat = outer.new_session("seat", ["env", "-u", "TMUX", "-u", "TMUX_PANE", "sh"])
    outer.run("send-keys", "-t", seat, watch_command(), "Enter")
    wait_until(lambda: "1/1" in outer.screen(seat), what="the view")
    tmux_server.kill()
    outer.run("send-keys", "-t", seat, "Enter")
    wait_until(lambda: "1/1  no tmux server" in outer.screen(seat) or "no window now" in outer.screen(seat), 20, "why")


def test_a_fleet_of_two_hundred_scrolls(tmux_server: TmuxServer, home: Path) -> None:
    listed = tuple(Agent(f"s:{n}", f"t{n}", f"/{n}", branch=f"feat/{n}") for n in range(200))
    listed = (*listed[:-1], replace(listed[-1], branch="\x1b]0;evil\x07feat/last"))
    Store(home / "state.json").update(lambda _: Fleet(agents=listed), create=Fleet())
    pane = tmux_server.new_session(command=["sh", "-c", f"{watch_command()}; exec sleep 60"], width=100, height=30)
    wait_until(lambda: "1/200" in tmux_server.screen(pane), what="the view")
    tmux_server.run("send-keys", "-t", pane, "G")
    wait_until(lambda: "200/200" in tmux_server.screen(pane), what="its end")
    assert "feat/last" in tmux_server.screen(pane)
    assert "evil" not in tmux_server.screen(pane) + tmux_server.show(pane, "#{pane_title}")
    tmux_server.run("send-keys", "-t", pane, "q")
    wait_until(lambda: "200/200" not in tmux_server.screen(pane), what="its end")


STRANGE = ("fix/क्षि-ไทยที่นี่", "fix/👍🏽-❤️-👨‍👩‍👧", "feat/漢字テスト-日本語", "feat/🇩🇪🇫🇷", "feat/עברית-שלום", "1️⃣-⚠️-é́́")
"""Terminals, and libraries, do not agree on how wide these are."""


@pytest.mark.parametrize("columns", [50, 80, 120, 200])
def test_text_of_any_width_leaves_every_line_in_its_place(tmux_server: TmuxServer, home: Path, columns: int) -> None:
    listed = tuple(
        Agent(f"s:{n}", f"t{n}", f"/{n}", branch=text, objective=text * 3, seen=LastLook(said=f"{text} " * 30))
        for n, text in enumerate(STRANGE)
    )
    Store(home / "state.json").update(lambda _: Fleet(agents=listed), create=Fleet())
    pane = tmux_server.new_session(command=["sh", "-c", f"{watch_command()}; exec sleep 60"], width=columns, height=24)
    wait_until(lambda: "1/6" in tmux_server.screen(pane), what="the view")
    lines = tmux_server.screen(pane).splitlines()
    assert lines[0].startswith("agent fleet")
    assert [line[2:5] for line in lines[3:9]] == [f"s:{n}" for n in range(6)]
    assert lines[table_rows(24) + 3].endswith("─")
    assert width(lines[table_rows(24) + 3]) == columns
    tmux_server.run("send-keys", "-t", pane, "q")


def test_short_words_beside_long_ones_end_without_an_ellipsis() -> None:
    listed = [
        Agent("s:1", "a", "/a", seen=LastLook(said="short")),
        Agent("s:2", "b", "/b", seen=LastLook(said="long " * 80)),
    ]
    lines = screen(Model((), "", tuple(listed), 1000.0), View(), 120, 24)
    first, second = ("".join(piece.text for piece in line).rstrip() for line in lines[3:5])
    assert first.endswith("short")
    assert second.endswith("…")
    assert width(second) == 120


def test_the_selected_agents_pull_request_is_named_on_a_screen_too_narrow_for_its_column() -> None:
    agent = Agent("s:1", "a", "/a", branch="feat/a", pr_number="12", verdict=Verdict(checks="fail"), account="work")
    lines = screen(Model((), "", (agent,), 1000.0), View(), 80, 24)
    assert any("feat/a · #12 ✗ · work" in "".join(piece.text for piece in line) for line in lines)


def test_an_ended_view_gives_the_terminal_back_and_is_not_suspended(tmux_server: TmuxServer, home: Path) -> None:
    Store(home / "state.json").update(lambda _: Fleet(agents=(Agent("s:1", "t", "/t"),)), create=Fleet())
    named = f"""sh -c 'echo $$ >{home}/view; exec "$@"' view {watch_command()}"""
    pane = tmux_server.new_session(command=["sh", "-c", f"{named}; echo ended $?; exec sleep 60"])
    wait_until(lambda: "1/1" in tmux_server.screen(pane), what="the view")
    tmux_server.run("send-keys", "-t", pane, "C-z", "j")
    os.kill(int((home / "view").read_text()), signal.SIGTERM)
    wait_until(lambda: "ended 143" in tmux_server.screen(pane), what="its end")
    assert tmux_server.show(pane, "#{alternate_on} #{cursor_flag} #{wrap_flag}") == "0 1 1"


def test_a_terminal_that_cannot_draw_anywhere_is_told_so(tmux_server: TmuxServer, home: Path) -> None:
    Store(home / "state.json").update(lambda _: Fleet(), create=Fleet())
    pane = tmux_server.new_session(command=["sh", "-c", f"TERM=dumb {watch_command()}; exec sleep 60"])
    wait_until(lambda: "found TERM=dumb" in tmux_server.screen(pane), what="what is wrong")
