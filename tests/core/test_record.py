"""An agent's record: its parts, the flat form that it had before, its id, and what a new task leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store, encode, new_id
from fleetscripts.config import load_settings
from fleetscripts.core.records.repair import Reality, mended
from fleetscripts.core.reports.journal_story import stories
from fleetscripts.fleet import AGENT_SEED_FIELDS, FLAT, PARTS, Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.record import Task, Verdict, typed
from fleetscripts.services.lifecycle.stop_when_done import _accepted
from tests.records import agent_with, changed, flat

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(max_size=12),
    "bool": st.booleans(),
    "Count": st.integers(0, 9),
    "UnixSeconds": st.floats(0, 2e9),
    "float": st.floats(0, 1e6),
    "tuple[str, ...]": st.lists(st.text(max_size=5), max_size=3).map(tuple),
    "Mapping[str, Any] | None": st.none() | st.dictionaries(st.text(max_size=4), st.integers(), min_size=1, max_size=2),
}
TYPES = {old: str(PARTS[part].__dataclass_fields__[new].type) for old, (part, new) in FLAT.items()}
fields = st.fixed_dictionaries({}, optional={old: VALUES[kind] for old, kind in TYPES.items()})


@given(fields)
def test_what_is_written_is_read_as_it_was(given_fields: dict[str, Any]) -> None:
    fleet = Fleet(agents=(agent_with("s:1", **given_fields),))
    assert Fleet.from_json(json.loads(encode(fleet))) == fleet


@given(fields)
def test_the_flat_form_of_earlier_times_means_the_same(given_fields: dict[str, Any]) -> None:
    old = {"window": "s:1", **json.loads(json.dumps(given_fields))}
    assert Fleet.from_json({"agents": [old]}).agents[0] == agent_with("s:1", **given_fields)


@given(fields, fields)
def test_a_new_task_inherits_nothing_of_the_one_before(before: dict[str, Any], more: dict[str, Any]) -> None:
    """Every field, whoever adds one, belongs to the agent or begins anew."""
    task = Task(started_at=7)
    fresh = agent_with("s:1", told_state="", **{}).with_task(task)
    after = agent_with("s:1", **{**before, **more}).with_task(task)
    assert changed(after, told_state="") == changed(fresh, **_kept(after))


def _kept(agent: Agent) -> dict[str, Any]:
    """What a look found of the pane stays true whatever the task is."""
    return {"seen": agent.seen, "told_state": ""}


def test_a_task_that_needed_no_fresh_run_does_not_excuse_the_next_one() -> None:
    old = agent_with("s:1", fresh_run=False, last_findings="checks fail: 1 of 3")
    new = old.with_task(Task(started_at=7))
    assert (new.task.fresh_run, new.verdict) == (True, Verdict())


def test_the_seeds_names_stay_flat_where_jq_finds_them() -> None:
    written = json.loads(encode(Fleet(agents=(agent_with("s:1", nudges=2, objective="x"),))))["agents"][0]
    assert set(written) >= AGENT_SEED_FIELDS
    assert written["attempts"] == {"nudges": 2}
    assert not set(written) & (FLAT.keys() - {"task", "escalation"})
    assert flat(written)["nudges"] == 2


def test_an_unknown_field_of_a_part_is_kept() -> None:
    record = {"window": "s:1", "attempts": {"nudges": 1, "hugs": 3}, "mine": True}
    written = json.loads(encode(Fleet.from_json({"agents": [record]})))["agents"][0]
    assert written["attempts"] == {"nudges": 1, "hugs": 3}
    assert written["mine"] is True


def test_every_instant_and_every_count_is_mended_by_its_type() -> None:
    parts = [
        (part, name, kind) for part in PARTS for kind in ("UnixSeconds", "Count") for name in typed(PARTS[part], kind)
    ]
    assert len(parts) > 20
    for part, name, kind in parts:
        value = 9e12 if kind == "UnixSeconds" else -1
        broken = Agent("s:1", state=AgentState.RECYCLED).changed(**{part: {name: value}})
        report = mended(Fleet(agents=(broken,)), Reality(now=1.8e9))
        assert getattr(getattr(report.fleet.agents[0], part), name) in (0, 9e9), f"{part}.{name}"
        assert report.repairs


def test_each_record_gets_an_id_of_its_own_when_the_file_is_next_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.json")
    store.path.write_text(json.dumps({"agents": [{"window": "a:1"}, {"window": "a:2"}]}), encoding="utf-8")
    before = store.read().agents[0]
    after = store.update(lambda fleet: fleet.change(before, objective="x"))
    ids = [agent.id for agent in after.agents]
    assert len(set(ids)) == 2
    assert all(ids)
    assert after.current(before) == after.agents[0], "a record that was read before is still found"
    assert [agent.id for agent in store.update(lambda fleet: fleet.change(before, objective="y")).agents] == ids
    assert after.agent_for(ids[1]) == after.agents[1], "an id is a handle"


def test_an_id_that_stands_twice_is_given_once() -> None:
    twins = Fleet(agents=(Agent("a:1", id="babebi"), Agent("a:2", id="babebi")))
    first, second = twins.with_ids(new_id).agents
    assert first.id == "babebi" != second.id


def test_a_line_of_the_journal_is_told_of_whom_it_names_by_id() -> None:
    named = {"worktree": "one", "spawned_at": 1.0, "id": "babebi", "window": "f:1", "pane_id": "%1"}
    other = {"worktree": "two", "spawned_at": 2.0, "id": "dodudo", "window": "f:1", "pane_id": "%1"}
    lines = [
        {"at": 1, "event": "spawned", **named},
        {"at": 2, "event": "spawned", **other},
        {"at": 3, "event": "send-confirmed", "window": "f:1", "id": "babebi"},
        {"at": 4, "event": "send-confirmed", "window": "f:1"},
    ]
    found = stories(lines)
    assert [line["at"] for line in found["one", 1.0].lines] == [1, 3]
    assert [line["at"] for line in found["two", 2.0].lines] == [2, 4], "a line without an id is of who was there last"


def test_an_override_is_not_the_next_agents_in_a_window_of_that_number(home: Path) -> None:
    import os

    settings = load_settings(os.environ)
    now = agent_with("f:1", id="babebi", state=AgentState.DONE, spawned_at=5.0, worktree_path="/w")
    journal = Journal(settings.journal_file)
    journal.write("override", id="dodudo", window="f:1", gate="checks", why="of another agent")
    assert _accepted(settings, [now]) == {"babebi": set()}
    journal.write(
        "override", id="babebi", window="f:9", gate="threads", why="its own, before its window was renumbered"
    )
    assert _accepted(settings, [now]) == {"babebi": {"threads"}}
