"""Records are changed by typed, checked fields: all of them or none, and never to done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.commands.update_agent import main
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, ServerId
from fleetscripts.record import Attempts, Escalation

Change = Callable[..., tuple[int, str, str]]


@pytest.fixture
def store(home: Path) -> Store:
    agent = Agent(
        "s:1",
        "tree",
        "/tree",
        objective="old",
        session_id="abc",
        pane_id="%7",
        window_id="@4",
        tmux_server=ServerId("/x", 1, 2),
        state=AgentState.ESCALATED,
        attempts=Attempts(restarts=3, fruitless_rounds=3, rescues=3),
        escalation=Escalation(reason="why"),
        extra={"mine": 1},
    )
    store = Store(home / "state.json")
    store.update(lambda fleet: fleet.with_agent(agent), create=Fleet(loop_window="s:9", loop_pane_id="%9"))
    return store


@pytest.fixture
def change(store: Store, capsys: pytest.CaptureFixture[str]) -> Change:
    def call(*argv: str) -> tuple[int, str, str]:
        code = main(list(argv))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_fields_are_typed_and_what_changed_is_told(store: Store, change: Change) -> None:
    code, out, _ = change("tree", "steps=pr-address, docs", "pr_number=12", "fresh_run=false", "revision_count=2")
    agent = store.read().agents[0]
    assert (agent.steps, agent.pr_number, agent.task.fresh_run, agent.revision_count) == (
        ("pr-address", "docs"),
        "12",
        False,
        2,
    )
    assert agent.extra == {"mine": 1}
    assert code == 0
    assert out.splitlines() == [
        "s:1 pr_number: (empty) → 12",
        "s:1 steps: (empty) → pr-address,docs",
        "s:1 revision_count: 0 → 2",
        "s:1 task.fresh_run: true → false",
    ]


@pytest.mark.parametrize("target", ["s:1", "%7", "@4", "tree"])
def test_an_agent_is_named_by_window_pane_window_id_or_worktree(change: Change, target: str) -> None:
    assert change(target, "state=running")[0] == 0


def test_an_objective_may_have_several_lines_and_equals_signs(store: Store, change: Change) -> None:
    change("s:1", "objective=a=b\nc '\"$(x)")
    assert store.read().agents[0].objective == "a=b\nc '\"$(x)"


def test_lifting_an_escalation_begins_to_count_anew(store: Store, change: Change) -> None:
    change("s:1", "state=running")
    agent = store.read().agents[0]
    assert (agent.state, agent.attempts.restarts, agent.escalation.reason) == (AgentState.RUNNING, 0, "")
    assert (agent.attempts.fruitless_rounds, agent.attempts.rescues) == (0, 0), "or it would be escalated again at once"


def test_a_new_window_leaves_the_old_windows_ids_behind(store: Store, change: Change) -> None:
    change("s:1", "window=t:4")
    agent = store.read().agents[0]
    assert (agent.window, agent.pane_id, agent.window_id, agent.tmux_server) == ("t:4", "", "", None)


def test_the_earlier_session_is_kept(store: Store, change: Change) -> None:
    change("s:1", "session_id=def")
    assert store.read().agents[0].session_ids == ("abc",)


def test_a_record_that_is_named_by_its_path_may_change_it(store: Store, change: Change, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / ".git").mkdir(parents=True)
    change("s:1", f"worktree_path={tmp_path}/elsewhere")
    assert [agent.worktree_path for agent in store.read().agents] == [f"{tmp_path}/elsewhere"]


def test_done_belongs_to_evaluate(store: Store, change: Change) -> None:
    code, _, err = change("s:1", "kicks=0", "state=done")
    assert code == 3
    assert "evaluate" in err
    assert store.read().agents[0].attempts.restarts == 3


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("s:2", "kicks=1"), 1, "no agent 's:2' in"),
        (("s:1", "pr=7"), 2, "no field 'pr' to set; did you mean pr_number?\n"),
        (("s:1", "objectiv=x"), 2, "did you mean objective?\n"),
        (("s:1", "Session-ID=x"), 2, "did you mean session_id"),
        (("s:1", "colour=red"), 2, ", … ("),
        (("s:1", "kicks"), 2, "expected field=value, found 'kicks'"),
        (("s:1",), 2, "expected field=value after the window"),
        ((), 2, "expected WINDOW|--top field=value..., found nothing"),
        (("s:1", "kicks=many"), 2, "kicks: expected a whole number, found text 'many'"),
        (("s:1", "kicks=true"), 2, "kicks: expected a whole number, found true"),
        (("s:1", "state=busy"), 2, "state: expected one of running, idle"),
        (("s:1", "fresh_run=yes"), 2, "fresh_run: expected true or false"),
        (("s:1", "pr_number=abc"), 2, "pr_number: expected a pull request's number"),
        (("s:1", "session_id=--dangerous"), 2, "session_id: expected a session id"),
        (("s:1", "worktree_path=here"), 2, "worktree_path: expected an absolute path"),
        (("s:1", "window=s"), 2, "window: expected SESSION:WIN"),
        (("s:1", "branch=a\nb"), 2, "branch: expected one line without control characters"),
        (("s:1", "last_seen_at=NaN"), 2, "last_seen_at: expected a number of seconds"),
        (("s:1", "tmux_server={}"), 2, "no field 'tmux_server'"),
        (("--top", "agents=[]"), 2, "no field 'agents'"),
        (("--top", "discord_webhook=https://x"), 2, "set it with notify --set-webhook"),
        (("--top", "idle_threshold_seconds=0"), 2, "idle_threshold_seconds: expected more than 0 seconds"),
        (("--top", "active=1"), 2, "active: expected true or false"),
    ],
)
def test_what_cannot_be_set_is_told_in_one_line(
    store: Store, change: Change, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    before = store.path.read_bytes()
    got, out, err = change(*arguments)
    assert (got, out) == (code, "")
    assert complaint in err
    assert len(err.splitlines()) == 1
    assert "https://x" not in err
    assert store.path.read_bytes() == before


def test_the_fleets_own_fields_and_its_settings(store: Store, change: Change) -> None:
    code, out, _ = change("--top", "active=false", "verify_command=make test", "protected_branches=a,b", "loop_window=")
    state: dict[str, Any] = json.loads(store.path.read_text())
    assert code == 0
    assert (state["active"], state["verify_command"], state["protected_branches"]) == (False, "make test", ["a", "b"])
    assert (state["loop_window"], store.read().loop_pane_id) == (None, "")
    assert "fleet active: true → false" in out
    assert "extra" not in out
