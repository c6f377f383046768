"""Panes that change are told within about a second; nobody's session is disturbed, and hostile text changes nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.tmux.control_stream import ControlStream, PaneNews
from fleetscripts.adapters.tmux.tmux_client import TmuxClient
from fleetscripts.adapters.tmux.tmux_events import ConnectionLost, ConnectionOpened, TmuxEvents, TmuxNews
from tests.places import TmuxServer
from tests.waiting import wait_until


def listing(stream: ControlStream, *rows: str) -> bytes:
    placed = (row if "$" in row else f"{row} $0:fleet:1" for row in rows)
    return f"%subscription-changed {stream.name} $0 - - - : {' '.join(placed)} ".encode()


def test_a_listing_is_compared_with_the_one_before() -> None:
    stream = ControlStream()
    row = "%1 0 10 claude 100"
    assert stream.feed(listing(stream, row, "%2 0 11 sh 100")) == PaneNews(changed=frozenset({"%1", "%2"}))
    assert stream.feed(listing(stream, row, "%2 0 11 sh 101")) == PaneNews(moved=frozenset({"%2"}))
    assert stream.feed(listing(stream, "%1 0 10 bash 101", "%2 1 11 sh 101")) == PaneNews(frozenset({"%1", "%2"}))
    assert stream.feed(listing(stream, "%2 1 11 sh 101", "%3 0 12 sh 1")) == PaneNews(
        changed=frozenset({"%3"}), gone=frozenset({"%1"})
    )


def test_a_block_ends_only_with_its_own_mark() -> None:
    stream = ControlStream()
    forged = listing(stream, "%9 0 9 claude 9")
    for line in (b"%begin 5 7 1", b"%end 5 8 1", b"%end 5 7", forged, b"%begin 1 1 1", b"%error 5 7 0"):
        assert stream.feed(line) is None
    assert not stream.refused
    assert stream.feed(b"%end 5 7 1") is None
    assert stream.feed(forged) == PaneNews(changed=frozenset({"%9"}))
    stream.feed(b"%begin 6 8 1")
    stream.feed(b"%error 6 8 1")
    assert stream.refused


@given(st.binary(max_size=80))
def test_no_text_of_a_pane_is_news(text: bytes) -> None:
    stream = ControlStream()
    for line in (text, b"%output %1 " + text, b"%subscription-changed fleet $0 - - - : %1 0 1 sh 1", b"%exit " + text):
        assert stream.feed(line) is None


@pytest.fixture
def news() -> list[TmuxNews]:
    return []


@pytest.fixture
def events(tmux_server: TmuxServer, news: list[TmuxNews]) -> Iterator[TmuxEvents]:
    made = TmuxEvents(TmuxClient(tmux_server.socket), news.append, prefer="fleet")
    made.start()
    yield made
    made.close()


def connected(news: list[TmuxNews], times: int = 1) -> Callable[[], bool]:
    return lambda: sum(isinstance(item, ConnectionOpened) for item in news) >= times


def told(news: list[TmuxNews], kind: str, pane: str) -> Callable[[], bool]:
    return lambda: any(isinstance(item, PaneNews) and pane in getattr(item, kind) for item in news)


@pytest.mark.usefixtures("events")
def test_an_exit_a_new_window_and_a_closed_one_are_told_in_every_session(
    tmux_server: TmuxServer, news: list[TmuxNews]
) -> None:
    tmux_server.new_session("fleet")
    other = tmux_server.new_session("other", ["sh"])
    wait_until(connected(news), 10, "the connection")
    tmux_server.run("send-keys", "-t", other, "sleep 100", "Enter")
    wait_until(told(news, "changed", other), 5, "another command")
    made = tmux_server.new_window("other", ["sleep", "100"])
    wait_until(told(news, "changed", made), 5, "the new pane")
    tmux_server.run("kill-pane", "-t", made)
    wait_until(told(news, "gone", made), 5, "its end")


@pytest.mark.usefixtures("events")
def test_another_number_and_another_name_of_the_session_are_told(tmux_server: TmuxServer, news: list[TmuxNews]) -> None:
    tmux_server.new_session("fleet")
    second, third = (tmux_server.new_window("fleet", ["sleep", "100"]) for _ in range(2))
    tmux_server.run("set-option", "-g", "renumber-windows", "on")
    wait_until(connected(news), 10, "the connection")
    news.clear()
    tmux_server.run("kill-pane", "-t", second)
    wait_until(told(news, "changed", third), 5, "the new number")
    news.clear()
    tmux_server.run("rename-session", "-t", "fleet", "work")
    wait_until(told(news, "changed", third), 5, "the new name")
    news.clear()
    tmux_server.run("new-session", "-d", "-t", "work", "-s", "a-look")
    wait_until(told(news, "changed", third), 5, "the session beside it")


def test_the_session_stays_as_it_is(tmux_server: TmuxServer, events: TmuxEvents, news: list[TmuxNews]) -> None:
    pane = tmux_server.new_session("fleet", width=117, height=33)
    wait_until(connected(news), 10, "the connection")
    assert tmux_server.show(pane, "#{window_width}x#{window_height}") == "117x33"
    flags = tmux_server.run("list-clients", "-F", "#{client_flags}")
    assert "ignore-size" in flags
    assert "no-output" in flags
    events.close()
    wait_until(lambda: tmux_server.run("list-clients") == "", 5, "the detached client")
    assert tmux_server.show(pane, "#{window_width}x#{window_height}") == "117x33"


@pytest.mark.usefixtures("events")
def test_when_its_session_ends_it_goes_on_in_another(tmux_server: TmuxServer, news: list[TmuxNews]) -> None:
    tmux_server.new_session("fleet")
    other = tmux_server.new_session("other")
    wait_until(connected(news), 10, "the connection")
    tmux_server.run("kill-session", "-t", "=fleet")
    wait_until(connected(news, 2), 10, "the next session")
    made = tmux_server.new_window("other", ["sleep", "100"])
    wait_until(told(news, "changed", made), 5, f"a new pane beside {other}")


def test_a_session_that_would_end_when_it_is_left_is_not_entered(tmux_server: TmuxServer, news: list[TmuxNews]) -> None:
    tmux_server.new_session("fleet")
    tmux_server.new_session("plain")
    argv = ["tmux", "-L", tmux_server.socket, "-C", "attach-session", "-t", "=fleet"]
    person = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_until(lambda: tmux_server.run("list-clients"), 5, "somebody in the session")
    tmux_server.run("set-option", "-t", "fleet", "destroy-unattached", "on")
    events = TmuxEvents(TmuxClient(tmux_server.socket), news.append, prefer="fleet")
    events.start()
    wait_until(connected(news), 10, "the connection")
    assert news[0] == ConnectionOpened("plain")
    events.close()
    person.communicate(timeout=5)


@pytest.mark.usefixtures("events")
def test_a_server_that_comes_again_is_found_again(tmux_server: TmuxServer, news: list[TmuxNews]) -> None:
    tmux_server.new_session("fleet")
    wait_until(connected(news), 10, "the connection")
    tmux_server.kill()
    wait_until(lambda: any(isinstance(item, ConnectionLost) for item in news), 10, "the loss")
    tmux_server.new_session("fleet")
    wait_until(connected(news, 2), 15, "the new connection")
    assert not any(isinstance(item, ConnectionLost) and item.for_good for item in news)


@pytest.mark.usefixtures("events")
def test_what_runs_in_a_pane_cannot_speak_for_others(tmux_server: TmuxServer, news: list[TmuxNews]) -> None:
    quiet = tmux_server.new_session("fleet", ["sleep", "100"])
    wait_until(connected(news), 10, "the connection")
    hostile = r"printf '%%end 1 1 1\n%%exit\n%%subscription-changed fleet $0 - - - : %%0 1 1 sh 1 \n'; exec sleep 99"
    loud = tmux_server.new_window("fleet", ["sh", "-c", hostile])
    tmux_server.run("rename-window", "-t", loud, "x\n%exit %0 1 1 sh 1", check=False)  # tmux 3.8 takes no such name
    tmux_server.run("select-pane", "-t", loud, "-T", f"%exit {quiet} 1 1 sh 1 ")
    wait_until(told(news, "changed", loud), 5, "the new pane")
    assert not told(news, "changed", quiet)()
    assert not any(isinstance(item, ConnectionLost) for item in news)


def test_when_no_process_can_be_started_for_a_while_it_goes_on_trying(
    tmux_server: TmuxServer, news: list[TmuxNews]
) -> None:
    failed: list[int] = []

    def popen(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
        if len(failed) < 2:
            failed.append(1)
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return subprocess.Popen(argv, **options)

    tmux_server.new_session("fleet")
    events = TmuxEvents(TmuxClient(tmux_server.socket), news.append, begin=popen)
    events.start()
    try:
        wait_until(connected(news), 15, "the connection")
        assert len(failed) == 2
    finally:
        events.close()
