"""What travels between machines, and what of it is believed: names, messages, the mirror, ages, pauses."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.hosts import wire
from fleetscripts.core.hosts.ages import from_ages, to_ages
from fleetscripts.core.hosts.mirror import Mirror, mirror_from, mirror_members, taken
from fleetscripts.core.hosts.names import split, valid_address, valid_name
from fleetscripts.core.planning.backoff import LONGEST_SECONDS, pause_seconds, tries_after
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.moment import Moment
from fleetscripts.services.links.change_feed import ChangeFeed

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("box/fleet:2", ("box", "fleet:2")),
        ("box-2/%4", ("box-2", "%4")),
        ("fleet:2", ("", "fleet:2")),
        ("a b/c:1", ("", "a b/c:1")),
        ("box/", ("", "box/")),
        ("/etc/passwd", ("", "/etc/passwd")),
        ("../box/x", ("", "../box/x")),
        ("box/a/b:1", ("box", "a/b:1")),
    ],
)
def test_a_host_stands_before_the_first_slash(target: str, parts: tuple[str, str]) -> None:
    assert split(target) == parts


@pytest.mark.parametrize("address", ["box", "me@box", "10.0.0.1", "me@fe80::1%eth0", "[::1]", "box.example.org", "_b"])
def test_addresses_that_ssh_takes(address: str) -> None:
    assert valid_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "-oProxyCommand=x", "me@-x", "-l@x", "a b", "a;b", "$(x)", "`x`", "a'b", "a\nb", "box\n", "ssh://box",
     "x" * 256, "a@b@c", "@box", "box/x", "a\\b", "a|b", "a&b", "é"],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    assert not valid_address(address)


def test_names_of_hosts_are_short_words() -> None:
    assert all(map(valid_name, ("a", "box-1", "9", "x" * 31)))
    assert not any(map(valid_name, ("", "-a", "A", "a_b", "a/b", "..", "x" * 32, "a\n")))


MESSAGES = [
    wire.Hello(schema=1, boot="b", clock=1.5, epoch=3),
    wire.Snapshot(1, 2, ("a", "b")),
    wire.Event(1, 3, "a", {"window": "x:1", "unknown": [1, {"y": None}]}, 0.5),
    wire.Event(1, 4, "a"),
    wire.Top(1, 5, {"active": True}, {"cores": 2}),
    wire.Call(ID, ("status", "--json"), wire.packed(b"\x00\xff")),
    wire.Reply(ID, "done", 3),
    wire.Output(ID, "stdout", wire.packed(b"x")),
    wire.Forget(ID),
    wire.Ping(1),
    wire.Pong(1),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_comes_as_it_was_sent(message: wire.Message) -> None:
    line = wire.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert wire.decode(line) == message


def test_a_newer_release_may_say_more_than_is_known_here() -> None:
    assert wire.decode(b'{"kind":"weather","sun":true}') is None
    heard = wire.decode(b'{"kind":"pong","n":4,"sun":true}')
    assert isinstance(heard, wire.Pong)
    assert heard.extra == {"sun": True}


@pytest.mark.parametrize(
    "line",
    [
        b"", b"hello", b"[]", b"null", b'"x"', b"{}", b'{"kind":1}', b'{"kind":"pong","n":"4"}',
        b'{"kind":"pong","n":1.5}',
        b"\xff\xfe", b'{"kind":"event","number":true}', b'{"kind":"event","age":NaN}', b'{"kind":"event","age":1e999}',
        b"[" * 100_000, b'{"kind":"event","record":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        b'{"kind":"pong","n":' + b"9" * 5000 + b"}", b'{"kind":"event","record":[]}',
        b'{"kind":"snapshot","agents":[1]}',
        b'{"kind":"call","id":"../../x"}', b'{"kind":"forget","id":""}', b'{"kind":"reply","id":"' + b"A" * 32 + b'"}',
        b'{"kind":"snapshot","agents":[' + b'"a",' * 1_000 + b'"a"]}', b"{",
        b'{"kind":"call","id":"' + b"0" * 32 + b'\\n"}',
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_in_words(line: bytes) -> None:
    with pytest.raises(wire.NoMessage):
        wire.decode(line)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_refused(line: bytes) -> None:
    with contextlib.suppress(wire.NoMessage):
        assert wire.decode(line) is None or json.loads(line)["kind"] in wire.KINDS


@pytest.mark.parametrize("text", ["!", "a", "====", "YQ", "é"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(wire.NoMessage):
        wire.unpacked(text)


@given(st.binary(max_size=200), st.integers(min_value=1, max_value=40))
def test_noise_before_the_magic_line_does_no_harm_however_it_is_cut(noise: bytes, step: int) -> None:
    stream = noise + b"\nWelcome!\r\n" + wire.magic("abc") + b"\none\ntwo\nthr"
    lines = wire.Lines("abc")
    got = [line for at in range(0, len(stream), step) for line in lines.feed(stream[at : at + step])]
    assert lines.begun
    assert got == [b"one", b"two"]


def test_the_magic_line_may_follow_a_prompt_without_a_line_end() -> None:
    lines = wire.Lines("abc")
    assert list(lines.feed(b"\x1b[0m$ " + wire.magic("abc") + b"\nx\n")) == [b"x"]


def test_another_channels_magic_line_is_noise() -> None:
    lines = wire.Lines("abc")
    assert list(lines.feed(wire.magic("abd") + b"\nx\n")) == []
    assert not lines.begun


@pytest.mark.parametrize("stream", [b"x" * (wire.MOST_NOISE + 1), b"x\n" * wire.MOST_NOISE])
def test_endless_noise_is_refused(stream: bytes) -> None:
    with pytest.raises(wire.NoMessage):
        list(wire.Lines("abc").feed(stream))


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_an_endless_line_is_refused(ending: bytes) -> None:
    with pytest.raises(wire.NoMessage):
        list(wire.Lines().feed(b"x" * (wire.MOST_LINE + 1) + ending))
    with pytest.raises(wire.NoMessage):
        wire.encode(wire.Event(1, 1, "a", {"x": "y" * wire.MOST_LINE}))


def test_a_host_takes_so_much_memory_and_no_more() -> None:
    mirror = taken(Mirror(), wire.Snapshot(1, 1, tuple(map(str, range(wire.MOST_RECORDS)))), 0)
    for number in range(wire.MOST_RECORDS + 10):
        mirror = taken(mirror, wire.Event(1, number + 2, str(number), {"window": "x:1"}), 0)
    assert len(mirror.records) == wire.MOST_RECORDS
    with pytest.raises(wire.NoMessage, match="a record of"):
        wire.decode(wire.encode(wire.Event(1, 1, "a", {"x": "y" * wire.MOST_EVENT})))


AGENTS = st.sampled_from(["a", "b", "c"])
POSITION = {"epoch": st.integers(0, 3), "number": st.integers(0, 6)}
RECORD = st.one_of(st.none(), st.fixed_dictionaries({"window": st.sampled_from(["x:1", "x:2"])}))
SEQUENCES = st.lists(
    st.one_of(
        st.builds(wire.Snapshot, **POSITION, agents=st.lists(AGENTS, unique=True).map(tuple)),
        st.builds(wire.Event, **POSITION, agent=AGENTS, record=RECORD),
        st.builds(wire.Top, **POSITION, fleet=st.just({})),
    ),
    max_size=30,
)


def place(message: wire.Message) -> tuple[int, int]:
    assert isinstance(message, wire.Snapshot | wire.Event | wire.Top)
    return message.epoch, message.number


@given(SEQUENCES)
def test_nothing_older_is_ever_believed(messages: Sequence[wire.Message]) -> None:
    mirror = Mirror()
    for at, message in enumerate(messages):
        before, mirror = mirror, taken(mirror, message, float(at))
        if mirror != before:
            assert place(message) > (before.epoch, before.number)
            assert (mirror.epoch, mirror.number) == place(message)
            assert isinstance(message, wire.Snapshot) or message.epoch == before.epoch
        assert set(mirror.records) <= mirror.agents


@given(SEQUENCES)
def test_what_is_known_of_an_agent_is_the_newest_that_was_believed(messages: Sequence[wire.Message]) -> None:
    mirror, newest, gone = Mirror(), {}, set()
    for at, message in enumerate(messages):
        before, mirror = mirror, taken(mirror, message, float(at))
        if mirror == before:
            continue
        if isinstance(message, wire.Snapshot):
            gone = set("abc") - set(message.agents)
        elif isinstance(message, wire.Event):
            newest[message.agent] = message.record
            gone = gone - {message.agent} if message.record is not None else gone | {message.agent}
        for agent, kept in mirror.records.items():
            assert kept.record == newest[agent]
        assert not gone & mirror.agents


@given(SEQUENCES)
def test_hearing_it_all_again_changes_nothing(messages: Sequence[wire.Message]) -> None:
    mirror = Mirror()
    for message in messages:
        mirror = taken(mirror, message, 1.0)
    for message in messages:
        if place(message) <= (mirror.epoch, mirror.number):
            assert taken(mirror, message, 2.0) == mirror
    assert mirror_from(json.loads(json.dumps(mirror_members(mirror)))) == mirror


def test_a_mirror_is_whole_when_each_record_came_with_the_latest_link() -> None:
    record = {"window": "x:1"}
    mirror = taken(taken(Mirror(), wire.Snapshot(1, 1, ("a",)), 0), wire.Event(1, 2, "a", record), 0)
    assert mirror.whole
    again = taken(mirror, wire.Snapshot(2, 1, ("a",)), 0)
    assert again.records == mirror.records
    assert not again.whole
    assert taken(again, wire.Event(2, 2, "a", {"window": "x:1"}), 0).whole
    assert not Mirror().whole


@given(st.floats(1.6e9, 2e9), st.floats(-600, 600), st.floats(-1e6, 1e6))
def test_clocks_that_are_apart_change_no_age(there: float, apart: float, ago: float) -> None:
    record = {
        "window": "x:1",
        "spawned_at": there - ago,
        "idle_since": 0,
        "seen": {"since": there - ago, "reason": "x"},
    }
    here = from_ages(to_ages(record, there), there + apart)
    assert math.isclose(there + apart - here["spawned_at"], ago, abs_tol=1e-3)
    assert math.isclose(there + apart - here["seen"]["since"], ago, abs_tol=1e-3)
    assert here["idle_since"] is None
    assert (here["window"], here["seen"]["reason"]) == ("x:1", "x")


def test_an_age_that_nobody_can_mean_is_none() -> None:
    read = from_ages({"spawned_at": 1e300, "last_seen_at": "soon", "seen": []}, 1.8e9)
    assert read == {"spawned_at": None, "last_seen_at": "soon", "seen": []}


def test_time_since_goes_by_the_steady_clock_unless_the_machine_was_started_anew() -> None:
    assert Moment("b", 50, 999_999).seconds_since(Moment("b", 20, 5)) == 30
    assert Moment("c", 50, 1_000).seconds_since(Moment("b", 900, 400)) == 600
    assert Moment("c", 50, 100).seconds_since(Moment("b", 900, 400)) == 0
    assert Moment("", 50, 1_000).seconds_since(Moment("", 20, 400)) == 600


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pauses_grow_up_to_two_minutes(tries: int, drawn: float) -> None:
    assert 0 < pause_seconds(tries, drawn) <= LONGEST_SECONDS == 120
    assert pause_seconds(tries + 1, drawn) >= pause_seconds(tries, drawn)


def test_only_a_link_that_was_up_for_a_minute_lets_the_pauses_begin_anew() -> None:
    assert tries_after(4, 59.9) == 5
    assert tries_after(4, 60) == 0
    assert tries_after(0, 0) == 1


STEPS = st.lists(
    st.one_of(st.dictionaries(AGENTS, st.sampled_from(["running", "done"]), max_size=3), st.integers(1, 3)), max_size=30
)


@given(STEPS)
def test_what_is_told_late_is_the_newest_and_nothing_is_left_out(steps: Sequence[dict[str, str] | int]) -> None:
    told, mirror, fleet, sent = ChangeFeed(epoch=1), Mirror(), Fleet(), 0
    told.begin()
    for at, step in enumerate([*steps, 100]):
        if isinstance(step, dict):
            agents = tuple(Agent(window="x:1", id=name, state=AgentState(state)) for name, state in step.items())
            fleet = Fleet(agents=agents)
            told.learn(fleet, float(at), 1e9)
            continue
        for _ in range(step):
            if (message := told.take(float(at))) is not None:
                mirror, sent = taken(mirror, message, float(at)), sent + 1
    assert {name: kept.record["state"] for name, kept in mirror.records.items()} == {
        agent.id: agent.state for agent in fleet.agents
    }
    assert mirror.whole
    assert sent <= 2 * len(steps) * 3 + 2
    assert told.take(1e6) is None


def test_a_record_that_is_too_long_for_a_message_is_cut() -> None:
    told, mirror = ChangeFeed(epoch=1), Mirror()
    told.begin()
    long = Agent(
        window="x:1", id="a", objective="\U0001f600" * 2_000_000, extra={f"f{n}": "y" * 3000 for n in range(900)}
    )
    told.learn(Fleet(agents=(long,)), 0, 1e9)
    while (message := told.take(0)) is not None:
        line = wire.decode(wire.encode(message))
        assert line is not None
        mirror = taken(mirror, line, 0)
    assert mirror.records["a"].record["window"] == "x:1"


def test_looks_alone_are_no_news() -> None:
    told = ChangeFeed(epoch=1)
    told.begin()
    told.learn(Fleet(agents=(Agent(window="x:1", id="a", last_seen_at=1),), last_poll_at=1), 0, 1e9)
    while told.take(0) is not None:
        pass
    told.learn(Fleet(agents=(Agent(window="x:1", id="a", last_seen_at=2),), last_poll_at=2), 0, 1e9)
    assert told.take(0) is None
