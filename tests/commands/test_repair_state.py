"""Repairs of the state file: each said, none beyond what is certain, a damaged file never overwritten unasked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings, load_settings
from fleetscripts.core.records.repair import GONE, Reality, mended
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, PaneFacts, ServerId
from fleetscripts.record import Attempts, Escalation, Hold, LastLook
from fleetscripts.services.lifecycle import repair as repairing
from tests.conftest import RunScript
from tests.places import GitRepo, TmuxServer
from tests.records import agent_with, changed

NOW = 1_800_000_000.0
SERVER, EARLIER = ServerId("/s", 10, 100), ServerId("/s", 9, 50)
FIRST, SECOND = (PaneFacts(f"%{n}", f"@{n}", session="s", window_index=n) for n in (1, 2))
HERE = Agent("s:1", "t1", "/t1", "spare/1", "feat/a", session_id="a", spawned_at=5).at(FIRST, SERVER)
BRANCHES: Mapping[str, str | None] = {"/t1": "feat/a", "/t2": "feat/b"}


def reality(**fields: Any) -> Reality:
    return Reality(**{"now": NOW, "server": SERVER, "panes": (FIRST, SECOND), "branches": BRANCHES} | fields)


CASES = [
    ("all is well", HERE, {"homes": {"a": FIRST}}, {}, ""),
    ("window gone", replace(HERE, pane_id="%7"), {}, {"state": AgentState.IDLE}, "its window is gone, so it is idle"),
    ("another server", replace(HERE, tmux_server=EARLIER), {}, {"state": AgentState.IDLE}, "its window is gone"),
    ("no server", HERE, {"server": None, "panes": ()}, {"state": AgentState.IDLE}, "no tmux server runs"),
    ("moved", HERE, {"homes": {"a": SECOND}}, {"pane_id": "%2", "window": "s:2"}, "its client runs in s:2 (%2)"),
    ("renumbered", replace(HERE, window="s:9"), {}, {"window": "s:1"}, "its window is called s:1 now"),
    ("without ids", Agent("s:2", "t2", "/t2"), {}, {}, ""),
    ("spare again", HERE, {"branches": {"/t1": "spare/1"}}, {"state": AgentState.RECYCLED}, "is on spare/1 again"),
    ("spare, but alive", HERE, {"branches": {"/t1": "spare/1"}, "homes": {"a": FIRST}}, {}, ""),
    ("worktree gone", HERE, {"branches": {"/t1": GONE}}, {"state": AgentState.ESCALATED}, "/t1 is gone: escalated"),
    (
        "done and worktree gone",
        replace(HERE, state=AgentState.DONE),
        {"branches": {"/t1": GONE}},
        {"state": AgentState.RECYCLED},
        "done, and its worktree is gone",
    ),
    ("milliseconds", replace(HERE, idle_since=1.7e12), {}, {"idle_since": 1.7e9}, "idle_since was in milliseconds"),
    ("far ahead", replace(HERE, idle_since=1e18), {}, {"idle_since": 0}, "idle_since lay where no time can"),
    ("below zero", changed(HERE, kicks=-3), {}, {"attempts": Attempts()}, "restarts was below zero"),
    ("a link", replace(HERE, pr_number="https://github.com/o/r/pull/12"), {}, {"pr_number": "12"}, "means 12"),
    (
        "an old reason",
        changed(HERE, escalation="x"),
        {},
        {"escalation": Escalation()},
        "still had the reason of an escalation",
    ),
]


@pytest.mark.parametrize(("agent", "real", "changes", "words"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_record_is_mended(agent: Agent, real: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    report = mended(Fleet(agents=(agent,)), reality(**real))
    [after] = report.fleet.agents
    for name, value in changes.items():
        assert getattr(after, name) == value
    assert len(report.repairs) == bool(words), report.repairs
    assert not words or words in report.repairs[0]
    if not changes:
        assert after == agent


def test_the_same_agent_twice_stands_once() -> None:
    older = replace(HERE, spawned_at=1, window="s:2", pane_id="%2", session_id="b")
    report = mended(Fleet(agents=(HERE, older, replace(HERE, branch="x"))), reality(homes={"b": SECOND}))
    states = {(agent.window, agent.spawned_at): agent.state for agent in report.fleet.agents}
    assert states == {("s:1", 5): AgentState.RECYCLED, ("s:2", 1): AgentState.RUNNING}
    assert len(report.repairs) == 2


@pytest.mark.parametrize("younger", [0, 1])
@pytest.mark.parametrize("alive", [True, False])
def test_a_pane_and_a_conversation_belong_to_who_works_there(younger: int, alive: bool) -> None:
    """One record was given another's window by hand, and took over its conversation: the living one keeps both."""
    theirs, ours = replace(SECOND, path="/t2/deep"), replace(FIRST, path="/t1")
    owner = replace(
        Agent("", "t2", "/t2", "spare/2", "feat/b", session_id="b", spawned_at=5).at(theirs, SERVER), id="o"
    )
    taker = replace(HERE, id="t", spawned_at=5 + younger, session_id="b", session_ids=("a",)).at(theirs, SERVER)
    homes = {"b": theirs} | ({"a": ours} if alive else {})
    report = mended(Fleet(agents=(taker, owner)), reality(panes=(ours, theirs), homes=homes))
    after, kept = report.fleet.agents
    assert kept == owner
    assert (after.session_id, after.state is AgentState.RECYCLED) == ("a", False)
    assert after.pane_on(SERVER) == ("%1" if alive else None)
    assert "t1: s:2 (%2) is where t2 works, not it" in report.repairs
    again = mended(report.fleet, reality(panes=(ours, theirs), homes=homes))
    assert (again.fleet, again.repairs) == (report.fleet, [])


def test_a_loop_that_is_gone_is_forgotten() -> None:
    fleet = Fleet(loop_window="s:7", loop_pane_id="%7", loop_tmux_server=SERVER, supervisor_window="s:8")
    report = mended(fleet, reality())
    assert (report.fleet.loop_window, report.fleet.loop_pane_id, report.fleet.supervisor_window) == (None, "", None)
    assert [words.split(";")[0] for words in report.repairs] == [
        "the loop's window s:7 is gone",
        "the supervisor's window s:8 is gone",
    ]
    standing = Fleet(loop_window="s:1", loop_pane_id="%1", loop_tmux_server=SERVER)
    assert mended(standing, reality()).fleet == standing


some = st.builds(
    agent_with,
    window=st.sampled_from(["s:1", "s:2", "s:9"]),
    worktree_path=st.sampled_from(["", "/t1", "/t2"]),
    branch=st.sampled_from(["", "feat/a"]),
    session_id=st.sampled_from(["", "a", "b"]),
    pane_id=st.sampled_from(["", "%1", "%2", "%9"]),
    tmux_server=st.sampled_from([None, SERVER, EARLIER]),
    state=st.sampled_from(AgentState),
    spawned_at=st.sampled_from([0, 5, 1e12, -4]),
    kicks=st.integers(-2, 4),
    escalation=st.sampled_from(["", "why"]),
    pr_number=st.sampled_from(["", "12", "#12"]),
)


@given(
    st.lists(some, max_size=5),
    st.sampled_from([{}, {"a": FIRST}, {"a": SECOND, "b": FIRST}]),
    st.sampled_from([BRANCHES, {"/t1": GONE, "/t2": "spare/2"}, {"/t1": None}]),
    st.booleans(),
)
def test_mending_twice_changes_nothing_more(
    agents: list[Agent], homes: dict[str, PaneFacts], branches: dict[str, str | None], alive: bool
) -> None:
    real = reality(homes=homes, branches=branches) if alive else Reality(NOW, branches=branches)
    first = mended(Fleet(agents=tuple(agents)), real)
    second = mended(first.fleet, real)
    assert (second.fleet, second.repairs) == (first.fleet, [])


def test_the_script_says_each_repair_and_writes_them(
    tmux_server: TmuxServer, git_repo: GitRepo, home: Path, run_script: RunScript
) -> None:
    pane = tmux_server.new_session(command=["sleep", "600"])
    facts, server = Tmux(tmux_server.socket).resolve(pane), Tmux(tmux_server.socket).server()
    assert facts is not None
    tree, spare = git_repo.add_spares(2)
    git_repo.git("checkout", "-q", "-b", "feat/a", cwd=tree)
    standing = replace(Agent("x:1", "t1", str(tree), "spare/1", "feat/a").at(facts, server), window="old:4")
    back = Agent("fleet:8", "t2", str(spare), "spare/2", "feat/b", pane_id="%77", tmux_server=server)
    store = Store(home / "state.json")
    store.update(lambda _: Fleet(agents=(standing, back), loop_window="fleet:9"), create=Fleet())
    before = store.path.read_bytes()

    dry = run_script("repair-state", "--dry-run")
    assert (dry.returncode, store.path.read_bytes()) == (0, before), dry.stderr
    done = run_script("repair-state")
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("mended: ", "would mend: ") == dry.stdout
    assert "old:4 (t1): its window is called fleet:0 now" in done.stdout
    assert "its worktree is on spare/2 again: recycled" in done.stdout
    assert "the loop's window fleet:9 is gone" in done.stdout
    after = store.read()
    assert [(agent.window, agent.state) for agent in after.agents] == [
        ("fleet:0", AgentState.RUNNING),
        ("fleet:8", AgentState.RECYCLED),
    ]
    again = run_script("repair-state", "--json")
    assert json.loads(again.stdout)["repairs"] == []
    assert "repaired" in (home / "fleet" / "events.jsonl").read_text()


def test_what_changed_during_the_look_is_looked_at_again(
    home: Path, git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = git_repo.add_spares(1)[0]
    store = Store(home / "state.json")
    old = Agent("s:1", tree.name, str(tree), "spare/1", "feat/old", spawned_at=1, state=AgentState.RECYCLED)
    store.update(lambda _: Fleet(agents=(old,)), create=Fleet())

    def slow_look(settings: Settings, fleet: Fleet) -> Reality:
        found = repairing.reality_of(settings, fleet)
        if len(store.read().agents) == 1:
            git_repo.git("-C", str(tree), "checkout", "-q", "-b", "feat/new")
            new = Agent("s:2", tree.name, str(tree), "spare/1", "feat/new", spawned_at=2, state=AgentState.IDLE)
            store.update(lambda current: current.with_agent(new))
        return found

    monkeypatch.setenv("FLEET_TMUX_SOCKET", "fleet-test-none")
    settings = load_settings(os.environ)
    assert repairing.repair(settings, store.read(), dry_run=False, look=slow_look).repairs == []
    assert [agent.state for agent in store.read().agents] == [AgentState.RECYCLED, AgentState.IDLE]


def test_a_damaged_file_is_told_and_put_back_only_when_asked(home: Path, run_script: RunScript) -> None:
    store = Store(home / "state.json")
    store.update(lambda _: Fleet(agents=(Agent("s:1"),)), create=Fleet())
    store.update(lambda fleet: replace(fleet, repo="o/r"))
    whole = run_script("repair-state", "--from-backup")
    assert whole.returncode == 3
    store.path.write_text('{"agents": [{"window": 7}]}')
    told = run_script("repair-state")
    assert told.returncode == 1
    assert "agents[0].window: expected SESSION:WIN" in told.stderr
    assert f"repair-state --from-backup puts back {store.backup} (1 agents" in told.stderr
    assert store.path.read_text() == '{"agents": [{"window": 7}]}'
    done = run_script("repair-state", "--from-backup")
    assert done.returncode == 0, done.stderr
    assert store.read().agents[0].window == "s:1"
    [kept] = home.glob("state.json.damaged-*")
    assert kept.read_text() == '{"agents": [{"window": 7}]}'
    store.path.write_text("{")
    store.backup.write_text("{")
    assert "there is no good copy" in run_script("repair-state", "--from-backup").stderr
    assert store.path.read_text() == "{"


def test_an_agent_that_a_person_ended_is_not_proposed_for_restoring(
    tmux_server: TmuxServer, home: Path, run_script: RunScript
) -> None:
    tmux = Tmux(tmux_server.socket)
    facts = tmux.resolve(tmux_server.new_session(command=["sh"]))
    assert facts is not None
    ended = Agent("x", "t1", hold=Hold(reason="its client was ended by a person")).at(facts, tmux.server())
    Store(home / "state.json").update(lambda _: Fleet(agents=(ended,)), create=Fleet())
    said = run_script("startup-recovery").stdout.splitlines()
    assert said[1].endswith("its client has ended, its pane is at a shell (its client was ended by a person)")
    assert said[-1] == "next: run-loop --window; heartbeat"


def test_a_new_conversation_hears_what_survived(tmux_server: TmuxServer, home: Path, run_script: RunScript) -> None:
    assert run_script("startup-recovery").stdout.startswith("no fleet: no state file at")
    pane = tmux_server.new_session(command=["sh"])
    tmux = Tmux(tmux_server.socket)
    facts = tmux.resolve(pane)
    assert facts is not None
    ended = Agent("x", "t1", branch="feat/a", objective="Add it\nmore", steps=("a", "b"), checkpoints=("a",))
    gone = Agent(
        "fleet:5",
        "t2",
        branch="feat/b",
        pane_id="%9",
        seen=LastLook(said="Half \x1b[31mdone"),
        hold=Hold(reason="ended by a person"),
    )
    judged = Agent("fleet:6", "t3", state=AgentState.PENDING_EVALUATION, pane_id="%8")
    fleet = Fleet(agents=(ended.at(facts, tmux.server()), gone, judged))
    Store(home / "state.json").update(lambda _: fleet, create=Fleet())
    before = (home / "state.json").read_bytes()
    done = run_script("startup-recovery")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "the fleet is active: 0 of 3 agents are alive, no loop runs",
        "fleet:0 (t1, feat/a, 1/2 steps): its client has ended, its pane is at a shell, on “Add it”",
        "fleet:5 (t2, feat/b): its window is gone (ended by a person); it said last: “Half done”",
        "fleet:6 (t3): verified, it waits for your judgement; its window is gone",
        "next: restore-agent --all; run-loop --window; evaluate t3; heartbeat",
    ]
    assert (home / "state.json").read_bytes() == before
    assert json.loads(run_script("startup-recovery", "--json").stdout)["calls"][0] == "restore-agent --all"
