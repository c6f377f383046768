"""The state file survives whatever happens to it: other writers, hand edits, full disks, damage."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.store import StateDamaged, StateMissing, Store, encode
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, ServerId
from fleetscripts.schema import WrongShape
from tests.records import changed

SEED = {
    "active": True,
    "tmux_session": "autogpt1",
    "idle_threshold_seconds": 300,
    "loop_window": "autogpt1:5",
    "repo": "Significant-Gravitas/AutoGPT",
    "discord_webhook": "https://discord.com/api/webhooks/1/x",
    "last_poll_at": 0,
    "supervisor_window": None,
    "house_rules": {"deep": [1, {"er": None}]},
    "agents": [
        {
            "window": "autogpt1:3",
            "worktree": "AutoGPT6",
            "worktree_path": "/path/to/AutoGPT6",
            "spare_branch": "spare/6",
            "branch": "feat/my-feature",
            "objective": "Implement X and open a PR",
            "pr_number": "12345",
            "session_id": "550e8400-e29b-41d4-a716-446655440000",
            "steps": ["pr-address", "pr-test"],
            "checkpoints": ["pr-address"],
            "state": "running",
            "last_output_hash": "",
            "last_seen_at": 0,
            "spawned_at": 0,
            "idle_since": 0,
            "revision_count": 0,
            "last_rebriefed_at": 0,
            "note": {"from": "a person"},
        }
    ],
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "folder" / "state.json")


def kick(fleet: Fleet) -> Fleet:
    return fleet.change(fleet.agents[0], attempts={"restarts": fleet.agents[0].attempts.restarts + 1})


def filled(store: Store) -> Store:
    store.target.parent.mkdir(exist_ok=True)
    store.target.write_text(json.dumps(SEED), encoding="utf-8")
    return store


def test_the_seeds_file_comes_back_with_every_field_known_or_not(store: Store) -> None:
    filled(store).update(kick)
    after = json.loads(store.path.read_text())
    assert after["agents"][0].pop("attempts") == {"restarts": 1}
    assert re.fullmatch("([bdfgklmnprstvz][aeiou]){3}", after["agents"][0].pop("id"))
    assert after == SEED | {"agents": after["agents"]}
    assert after["agents"][0] == SEED["agents"][0]  # type: ignore[index]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
unknown = st.dictionaries(
    st.text().filter(lambda name: name not in Fleet.__dataclass_fields__), json_values, max_size=4
)


@given(top=unknown, objective=st.text(), names=st.lists(st.text(), max_size=4), name=st.text())
def test_any_record_is_read_back_as_it_was_written(top: dict, objective: str, names: list[str], name: str) -> None:
    agent = Agent("s:1", objective=objective, steps=tuple(names), tmux_server=ServerId(name, 5, 7))
    agent = replace(agent, extra={f"x-{key}": value for key, value in top.items()})
    fleet = Fleet(agents=(agent,), extra=top)
    assert Fleet.from_json(json.loads(encode(fleet))) == fleet


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("agents", 0, "steps"), "pr-test", "agents[0].steps: expected a list of names, found text 'pr-test'"),
        (("agents", 0, "steps"), [1], "agents[0].steps: expected a list of names, found a list of 1"),
        (("agents", 0, "state"), "busy", "agents[0].state: expected one of running, idle"),
        (("agents", 0, "window"), 3, "agents[0].window: expected SESSION:WIN, found the number 3"),
        (("agents", 0, "kicks"), True, "agents[0].attempts.restarts: expected a whole number, found true"),
        (("agents", 0, "tmux_server"), {"socket": "x"}, "agents[0].tmux_server.pid: expected a whole number"),
        (("agents", 0), "x", "agents[0]: expected an object, found text 'x'"),
        (("agents",), {}, "agents: expected a list of agents, found an object"),
        (("active",), "yes", "active: expected true or false, found text 'yes'"),
        (("last_poll_at",), "now", "last_poll_at: expected a number of seconds"),
        (("last_poll_at",), 10**400, "last_poll_at: expected a number of seconds"),
    ],
)
def test_a_wrong_value_is_named_by_its_field(path: tuple, value: object, complaint: str) -> None:
    state = json.loads(json.dumps(SEED))
    holder = state
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    with pytest.raises(WrongShape) as raised:
        Fleet.from_json(state)
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b'{"agents": 3}', b"\xff\xfe", b'{"last_poll_at": NaN}', b"[" * 100_000],
    ids=["empty", "cut", "list", "null", "shape", "encoding", "nan", "deep"],
)
def test_a_damaged_file_is_never_written_over(store: Store, damage: bytes) -> None:
    filled(store).update(kick)
    store.path.write_bytes(damage)
    for attempt in (store.read, lambda: store.update(kick), lambda: store.update(kick, create=Fleet())):
        with pytest.raises(StateDamaged, match=r"left as it is.*last good copy is .*state\.json\.bak"):
            attempt()
    assert store.path.read_bytes() == damage
    assert Store(store.backup).read().agents[0].attempts.restarts == 0


def test_a_missing_file_is_an_error_unless_it_may_be_created(store: Store) -> None:
    with pytest.raises(StateMissing):
        store.update(kick)
    assert not store.path.parent.exists()
    store.update(lambda fleet: fleet.with_agent(Agent("a:1")), create=Fleet(tmux_session="a"))
    assert store.read().tmux_session == "a"


def test_only_the_owner_can_read_it_and_its_copy(store: Store) -> None:
    filled(store)
    store.path.chmod(0o644)
    store.update(kick)
    store.update(kick)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (store.path, store.backup)] == [0o600, 0o600]


def test_the_last_good_copy_is_one_change_behind(store: Store) -> None:
    filled(store).update(kick)
    store.update(kick)
    assert (store.read().agents[0].attempts.restarts, Store(store.backup).read().agents[0].attempts.restarts) == (2, 1)


def test_a_symbolic_link_stays_one_and_its_target_is_replaced(store: Store, tmp_path: Path) -> None:
    filled(store)
    link = tmp_path / "link.json"
    link.symlink_to(store.path)
    Store(link).update(kick)
    assert link.is_symlink()
    assert store.read().agents[0].attempts.restarts == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "home", "link.json"]


def test_what_killed_writers_left_is_swept_away(store: Store) -> None:
    filled(store)
    leftover = store.path.parent / ".state.json.abc123.tmp"
    leftover.write_text("half")
    stranger = store.path.parent / ".other.json.abc.tmp"
    stranger.write_text("not ours")
    store.update(kick)
    assert not leftover.exists()
    assert stranger.exists()


def test_no_change_means_no_writing(store: Store) -> None:
    before = filled(store).path.stat().st_ino
    store.update(lambda fleet: fleet)
    assert store.path.stat().st_ino == before


def test_a_full_disk_leaves_the_old_file_and_says_so_in_one_line(store: Store) -> None:
    filled(store)
    before = store.path.read_bytes()
    code = (
        "import resource, sys; from pathlib import Path; from fleetscripts.adapters.records.store import Store\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "Store(Path(sys.argv[1])).update(lambda f: f.change(f.agents[0], attempts={'restarts': 9}))\n"
    )
    failed = subprocess.run([sys.executable, "-c", code, store.path], capture_output=True, text=True, check=False)
    assert "cannot write the state file" in failed.stderr
    assert "it is as it was before" in failed.stderr
    assert store.path.read_bytes() == before
    assert [path.name for path in store.path.parent.iterdir() if path.suffix == ".tmp"] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="only for a user whom permissions bind")
def test_a_read_only_folder_is_one_clear_line(store: Store) -> None:
    filled(store).path.parent.chmod(0o500)
    try:
        with pytest.raises(FleetError, match=r"cannot lock .*Permission denied"):
            store.update(kick)
    finally:
        store.path.parent.chmod(0o700)


def test_an_agent_is_found_by_window_pane_or_worktree_and_one_at_work_before_a_recycled_one() -> None:
    old = Agent("a:1", worktree="w", worktree_path="/w", spawned_at=1, state=AgentState.RECYCLED)
    new = Agent("a:1", worktree="w", worktree_path="/w", spawned_at=2, pane_id="%5", window_id="@3")
    fleet = Fleet(agents=(new, old))
    assert [fleet.agent_for(target) for target in ("a:1", "%5", "@3", "w")] == [new] * 4
    assert fleet.agent_for("") is None
    with pytest.raises(FleetError, match="names 2 agents"):
        fleet.with_agent(replace(new, spawned_at=3)).agent_for("w")


def test_a_change_keeps_what_others_wrote_meanwhile() -> None:
    seen = Agent("a:1", worktree_path="/w", spawned_at=1)
    fleet = Fleet(agents=(replace(seen, window="b:2", checkpoints=("x",)),))
    assert fleet.change(seen, attempts={"restarts": 1}).agents == (
        changed(seen, window="b:2", checkpoints=("x",), kicks=1),
    )
    assert Fleet().change(seen, attempts={"restarts": 1}).agents == ()


def test_a_large_fleet_is_written_exactly_as_a_small_one(tmp_path: Path) -> None:
    odd = Agent("s:1", objective="tab\t é ✳ \ud83d", extra={"n": 10**30, "list": [], "deep": {"a": [1.5, None, True]}})
    for agents in ([odd], [odd, *(Agent(f"s:{n}", objective="é\n", last_seen_at=1e9 + n / 7) for n in range(40))]):
        fleet = Fleet(agents=tuple(agents))
        exact = json.dumps(fleet.to_json(), indent=2, ensure_ascii=True)
        assert json.loads(encode(fleet)) == json.loads(exact)
        plain = replace(fleet, agents=fleet.agents[1:])
        assert encode(plain).decode() == json.dumps(plain.to_json(), indent=2, ensure_ascii=False) + "\n"
    with pytest.raises(ValueError, match="JSON"):
        encode(replace(fleet, last_poll_at=float("nan")))
