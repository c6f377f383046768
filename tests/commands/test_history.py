"""The journal told in words and drawn as a picture: right agent, nothing hostile, however long it is."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.core.planning.observation import last_words
from fleetscripts.core.reports.history_text import sentence, since, told
from fleetscripts.core.reports.journal_story import stories
from fleetscripts.core.reports.state_lines import state_line, untold
from fleetscripts.core.reports.timeline import lanes
from fleetscripts.core.reports.timeline_svg import WIDTH, timeline_svg
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.record import LastLook, Notices
from tests.conftest import RunScript

NOW = 1_700_000_000.0
FIRST = {"worktree": "tree-1", "branch": "feat/a", "spawned_at": NOW - 100}
SECOND = {"worktree": "tree-2", "branch": "feat/<b>&\"'", "spawned_at": NOW - 50}
LINES: list[dict[str, Any]] = [
    {"at": NOW - 101, "event": "send-intended", "pane_id": "%1", "message_id": "m", "why": "briefing", "text": "Do it"},
    {"at": NOW - 101, "event": "send-pasted", "pane_id": "%1", "message_id": "m"},
    {"at": NOW - 100, "event": "send-confirmed", "pane_id": "%1", "message_id": "m", "why": "transcript"},
    {"at": NOW - 100, "event": "spawned", "window": "s:1", "pane_id": "%1", "state": "running", **FIRST},
    {"at": NOW - 80, "event": "state", "window": "s:1", "pane_id": "%1", "state": "idle", "why": "a shell", **FIRST},
    {"at": NOW - 80, "event": "recovery-intended", "window": "s:1", "action": "resume", "why": "ended"},
    {"at": NOW - 79, "event": "recovery-ended", "window": "s:1", "action": "resume", "why": "ended", "outcome": "back"},
    {"at": NOW - 78, "event": "state", "window": "s:1", "pane_id": "%1", "state": "running", **FIRST},
    {"at": NOW - 60, "event": "recycled", "window": "s:1", "why": "main"},
    {"at": NOW - 50, "event": "spawned", "window": "s:1", "pane_id": "%2", "state": "running", **SECOND},
    {"at": NOW - 40, "event": "decision", "window": "s:1", "why": "a \x1b[31m<script>alert(1)</script> question"},
    {"at": NOW - 30, "event": "state", "window": "s:1", "pane_id": "%2", "state": "complete", **SECOND},
    {"at": NOW - 29, "event": "recovery-ended", "window": "s:1", "action": "verify", "outcome": "not_complete: x"},
    {"at": NOW - 20, "event": "recovery-ended", "window": "s:1", "action": "verify", "outcome": "every gate holds"},
    {"at": NOW - 10, "event": "evaluated", "window": "s:1", "outcome": "done", "why": "good"},
    {"at": NOW - 9, "event": "state", "window": "s:1", "pane_id": "%2", "state": "done", **SECOND},
]
"""Two agents, one after the other in a window of the same number."""


def test_each_line_goes_to_the_agent_that_was_there() -> None:
    first, second = stories(LINES).values()
    assert [line["event"] for line in first.lines][:3] == ["send-intended", "send-pasted", "send-confirmed"]
    assert first.lines[-1]["event"] == "recycled"
    assert [line["event"] for line in second.lines][:2] == ["spawned", "decision"]
    assert (first.branch, second.window) == ("feat/a", "s:1")


@pytest.mark.parametrize(
    "gone",
    [
        {"event": "recycled", "window": "s:1", "why": "main"},
        {"event": "state", "window": "s:1", "pane_id": "%1", "state": "recycled", **FIRST},
    ],
)
def test_what_is_sent_to_a_window_before_its_new_agent_is_named_is_not_a_recycled_ones(gone: dict[str, Any]) -> None:
    lines = [
        {"at": NOW - 100, "event": "spawned", "window": "s:1", "pane_id": "%1", "state": "running", **FIRST},
        {"at": NOW - 60, **gone},
        {
            "at": NOW - 51,
            "event": "send-intended",
            "window": "s:1",
            "pane_id": "%2",
            "message_id": "n",
            "text": "Do it",
        },
        {"at": NOW - 50, "event": "state", "window": "s:1", "pane_id": "%2", "state": "complete", **SECOND},
        {"at": NOW - 49, "event": "send-confirmed", "window": "s:1", "pane_id": "%2", "message_id": "n", "why": "hook"},
    ]
    first, second = stories(lines).values()
    assert len(first.lines) == 2
    assert any("told “Do it” (proof: hook)" in sentence(line) for line in told(second.lines))


def test_it_is_told_in_sentences() -> None:
    first, second = (["; ".join(map(sentence, told(story.lines)))] for story in stories(LINES).values())
    assert first == [
        "briefing: told “Do it” (proof: transcript); spawned in s:1 on feat/a, in tree-1; its client has ended: "
        "a shell; resuming its client (ended): back; at work; its worktree is spare again: main"
    ]
    assert "needs a decision: a <script>alert(1)</script> question" in second[0]
    assert "\x1b" not in second[0]


def test_what_was_begun_and_never_ended_is_told() -> None:
    begun = [{"at": NOW, "event": "recovery-intended", "action": "restore", "why": "gone"}]
    assert sentence(told(begun)[0]) == "restoring its window: gone (started, its end was not recorded)"
    assert sentence({"event": "some-new-thing", "why": "so", "more": 3}) == "some new thing: so; more 3"


def test_the_picture_is_well_formed_and_takes_no_markup_from_names() -> None:
    svg = timeline_svg(lanes(stories(LINES).values(), NOW - 200, NOW), NOW, "<b>fleet</b>")
    root = ElementTree.fromstring(svg)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "title", "rect", "text", "line", "g", "circle"}
    words = [element.text for element in root.iter() if element.text]
    assert "feat/<b>&\"'" in words
    assert any("<script>" in word for word in words)
    first, second = lanes(stories(LINES).values(), NOW - 200, NOW)
    assert [span.state for span in first.spans] == ["running", "idle", "running"]
    assert first.spans[-1].ended == NOW - 60
    assert [mark.kind for mark in first.marks] == ["rescue", "recycled"]
    assert [mark.kind for mark in second.marks] == ["asked", "missing", "verified", "judged"]
    ElementTree.fromstring(timeline_svg([], NOW))


def crowded(count: int, branch: str = "feat/a") -> list[dict[str, Any]]:
    """A restless hour."""
    who = {"worktree": "tree-1", "branch": branch, "spawned_at": NOW - 4000, "window": "s:1"}
    kinds = [{"event": "decision", "why": "which"}, {"event": "recovery-ended", "action": "resume", "outcome": "ok"}]
    states = [{"event": "state", "state": state} for state in ("running", "idle")]
    return [{"at": NOW - 3600 + 3600 * n / count, **who, **[*states, *kinds][n % 4]} for n in range(count)]


def test_hundreds_of_signs_stay_in_the_picture_near_their_time_and_none_is_untold() -> None:
    lines = crowded(4000)
    svg = timeline_svg(lanes(stories(lines).values(), NOW - 7200, NOW), NOW)
    root = ElementTree.fromstring(svg)
    places = [float(element.get("cx", "0")) for element in root.iter() if element.tag.endswith("circle")]
    assert max(places) < WIDTH - 10
    assert len(svg) < 400_000
    assert " more</title>" in svg
    few = timeline_svg(lanes(stories(crowded(400)).values(), NOW - 7200, NOW), NOW)
    assert sum(line.count("needs a decision") for line in few.splitlines()) == 100


def test_lines_of_a_clock_that_ran_ahead_do_not_stretch_the_picture() -> None:
    lines = crowded(40)
    later = [*lines, {**lines[-1], "at": NOW + 86400 * 400}, {**lines[-1], "at": NOW + 86400 * 401, "state": "idle"}]
    now = [lanes(stories(some).values(), NOW - 7200, NOW) for some in (lines, later)]
    assert now[0] == now[1]


def test_a_long_name_ends_before_its_lane() -> None:
    svg = timeline_svg(lanes(stories(crowded(40, "feat/very-long-branch-name-that-goes-on")).values(), 0, NOW), NOW)
    names = [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.get("font-weight")]
    assert "feat/very-long-branch-…" in names


values = st.one_of(st.none(), st.text(max_size=20), st.floats(), st.integers(), st.lists(st.integers(), max_size=2))
events = st.sampled_from([*{line["event"] for line in LINES}, "other"])
hostile = st.dictionaries(
    st.sampled_from(["at", "window", "pane_id", "why", "state", "worktree", "spawned_at", "action", "outcome", "text"]),
    values,
)


@given(st.lists(st.tuples(events, hostile), max_size=20))
def test_no_journal_breaks_words_or_picture(rows: list[tuple[str, dict[str, Any]]]) -> None:
    lines = [{**fields, "event": event} for event, fields in rows]
    found = stories(lines)
    for story in found.values():
        assert all("\n" not in sentence(line) for line in told(story.lines))
    ElementTree.fromstring(timeline_svg(lanes(found.values(), NOW - 9e9, NOW), NOW))


def test_every_change_of_state_is_told_once() -> None:
    fleet = Fleet(
        agents=(
            Agent("s:1", notices=Notices(told_state="running")),
            Agent("s:2", state=AgentState.IDLE, seen=LastLook(reason="ended")),
        )
    )
    after, lines = untold(fleet)
    assert [(line["window"], line["state"], line["why"]) for line in lines] == [("s:2", "idle", "ended")]
    assert untold(after) == (after, [])
    assert "why" not in state_line(Agent("s:1", state=AgentState.DONE, seen=LastLook(reason="whatever")))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("a\n\nb \n", "b"),
        ("Pushed.\nCHECKPOINT:test\nORCHESTRATOR:DONE", "Pushed."),
        ("ORCHESTRATOR:DONE", "ORCHESTRATOR:DONE"),
        ("x\x1b[31my", "xy"),
    ],
)
def test_last_words_leave_the_marks_of_the_protocol_out(text: str, words: str) -> None:
    assert last_words(text) == words


@pytest.mark.parametrize(("text", "ago"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("1.5h", 5400)])
def test_spans_of_time(text: str, ago: float) -> None:
    assert since(text, NOW) == NOW - ago
    assert [since(never, NOW) for never in ("soon", "nan", "inf")] == [None] * 3


@pytest.fixture
def journal(home: Path) -> Journal:
    made = Journal(home / "fleet" / "events.jsonl")
    made.path.parent.mkdir()
    made.path.write_text("".join(json.dumps(line) + "\n" for line in LINES) + '{"at": 1, "half')
    second = Agent("s:1", "tree-2", "/tree-2", branch="feat/b", spawned_at=NOW - 50)
    Store(home / "state.json").update(lambda _: Fleet(agents=(second,)), create=Fleet())
    return made


def test_the_script_tells_one_agent(journal: Journal, run_script: RunScript, home: Path) -> None:
    done = run_script("history", "s:1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "spawned in s:1" in lines[1]
    assert lines[-1].endswith("  done")
    assert len(run_script("history", "s:1", "--last", "2").stdout.splitlines()) == 4
    assert len(json.loads(run_script("history", "tree-2", "--json").stdout)) == 7
    assert run_script("history", "s:1", "--since", "2000-01-01").stdout == done.stdout
    assert run_script("history", "s:1", "--since", "never").returncode == 2
    assert run_script("history", "s:9").returncode == 1


def test_the_script_draws_the_picture(journal: Journal, run_script: RunScript, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.svg"
    done = run_script("status", "--timeline", "--since", "9999d", "--output", file)
    assert (done.returncode, done.stdout) == (0, f"{file}\n"), done.stderr
    assert "feat/a" in file.read_text()
    assert run_script("status", "--timeline", "--since", "9999d", "--output", "-").stdout.startswith("<svg")
    assert run_script("status", "--timeline").stdout == f"{home}/fleet/timeline.svg\n"


def test_the_tail_of_a_journal_is_whole_lines(journal: Journal) -> None:
    assert journal.tail(10**9) == list(journal.read())
    assert journal.tail(400) == list(journal.read())[-len(journal.tail(400)) :]
    assert Journal(journal.path.with_name("none")).tail(100) == []
