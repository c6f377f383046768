"""heartbeat: one look at every window of every session, known or not, and all that a decision needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fleetscripts.adapters.tmux.scrollback import last_lines
from fleetscripts.adapters.tmux.tmux import Tmux
from tests.e2e.crew import Crew
from tests.e2e.quick import hand_made, heartbeat, kill_client, quick_crew, run_loop, said
from tests.places import TmuxServer
from tests.waiting import wait_until


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(spares=4) as made:
        yield made


def by_kind(review: dict[str, Any], part: str = "decisions") -> dict[str, dict[str, Any]]:
    return {item["kind"]: item for item in review[part]}


def test_nothing_is_one_line(crew: Crew) -> None:
    assert said(crew, "heartbeat") == "nothing to report\n"
    window = crew.spawn("feat/busy", "[[think 60]]")
    assert said(crew, "heartbeat") == "nothing to report\n"
    assert heartbeat(crew)["nothing_to_report"] is True
    assert crew.agent(window)["state"] == "running"


def test_everything_is_reviewed_repaired_or_shown_with_what_a_decision_needs(crew: Crew) -> None:
    asks = crew.spawn("feat/asks", '[[ask Which colour?|Blue|Green $(rm x) "ice"]]', "--step", "one", "--pr", "7")
    dies = crew.spawn("feat/dies", "[[say Hello.]] [[think 60]]")
    wall = crew.spawn("feat/wall", "[[ratelimit 7200]]")
    done = crew.spawn("feat/done", "[[say Fine.]]")
    crew.stage.tmux("new-session", "-d", "-s", "elsewhere", "-x", "100", "-y", "30")
    stranger = hand_made(crew, crew.playground.repository)
    dead = crew.stage.tmux("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", "elsewhere:", "sh -c 'read x'") or ""
    crew.stage.tmux("set-option", "-p", "-t", dead, "remain-on-exit", "on")
    crew.stage.tmux("send-keys", "-t", dead, "Enter")
    wait_until(lambda: crew.registry(crew.agent(asks)["session_id"]).get("status") == "waiting", what="the question")
    wait_until(lambda: "limit" in crew.screens(), what="the wall")
    kill_client(crew, dies)
    state = crew.stage.folder / "state.json"
    fleet = json.loads(state.read_text())
    next(agent for agent in fleet["agents"] if agent["window"] == done)["state"] = "done"
    state.write_text(json.dumps(fleet))

    review = heartbeat(crew)

    assert [line for line in review["repaired"] if line.startswith(f"{dies} (") and "): resuming its client (" in line]
    assert crew.registry(crew.agent(dies)["session_id"]), "its client runs again"
    found = by_kind(review)
    assert set(found) == {"dialog", "not_in_the_fleet", "dead_pane"}
    question = found["dialog"]
    assert (question["window"], question["pr"], question["missing"]) == (asks, "7", ["one"])
    assert "Which colour?" in question["question"]
    assert question["rows"][:2] == ["Blue", 'Green $(rm x) "ice"']
    assert question["next"] == ['answer-dialog worktree-1 --choose "ROW"'], "the row is for whoever decides to fill in"
    assert len(question["screen"]) <= 30
    assert found["not_in_the_fleet"]["next"] == [f"adopt-agent {stranger}", f"heartbeat --mine {stranger}"]
    assert found["dead_pane"]["pane_id"] == dead
    [waits] = review["waiting"]
    assert (waits["kind"], waits["window"]) == ("wall", wall)
    assert "it wakes at" in waits["what"]
    [proposal] = review["proposals"]
    assert (proposal["window"], proposal["next"]) == (done, [f"recycle-agent {crew.agent(done)['worktree']}"])
    text = said(crew, "heartbeat", "--lines", "3")
    assert "repaired:" not in text, "told once"
    assert "    | row: Blue" in text
    assert "context" not in text.lower()
    assert said(crew, "answer-dialog", asks, "--choose", "Blue").endswith("chosen: Blue\n")
    assert "dialog" not in by_kind(heartbeat(crew))


def test_a_window_that_is_the_persons_own_is_told_of_no_more(crew: Crew) -> None:
    own, dead = hand_made(crew, crew.playground.repository), hand_made(crew, crew.playground.repository)
    said(crew, "heartbeat")
    assert "is yours" in said(crew, "heartbeat", "--mine", own)
    assert [item["pane_id"] for item in heartbeat(crew)["decisions"]] == [dead]
    said(crew, "heartbeat", "--mine", dead)
    assert said(crew, "heartbeat") == "nothing to report\n"
    crew.stage.tmux("set-option", "-pu", "-t", own, "@fleet_mine")
    assert [item["pane_id"] for item in heartbeat(crew)["decisions"]] == [own]
    agent = crew.spawn("feat/agent", "[[think 60]]")
    assert "is an agent of the fleet" in said(crew, "heartbeat", "--mine", agent, code=3)
    assert "no such window" in said(crew, "heartbeat", "--mine", "nowhere:1", code=1)


@pytest.mark.stress
def test_more_lines_come_only_when_asked_for(crew: Crew) -> None:
    crew.spawn("feat/long", "[[lines 90]] [[ask Which?|A|B]]")
    question = wait_until(lambda: by_kind(heartbeat(crew)).get("dialog"), 20, "the question") or {}
    assert len(question["screen"]) <= 30
    assert len(by_kind(heartbeat(crew, "--lines", "40"))["dialog"]["screen"]) > 30
    assert len(by_kind(heartbeat(crew, "--lines", "5"))["dialog"]["screen"]) == 5


def test_lines_above_the_screen_are_read_on_request(tmux_server: TmuxServer) -> None:
    pane = tmux_server.new_session(command=["sh", "-c", "seq 1 300; read x"], height=20)
    wait_until(lambda: "300" in tmux_server.screen(pane), what="its output")
    assert last_lines(Tmux(tmux_server.socket), pane, 250) == [str(number) for number in range(51, 301)]


@pytest.mark.stress
def test_on_demand_recoveries_run_and_nobody_is_nudged(crew: Crew) -> None:
    said(crew, "heartbeat")
    config = crew.stage.folder / "fleet" / "config.toml"
    config.write_text(config.read_text() + 'supervision = "on-demand"\n', encoding="utf-8")
    stops = crew.spawn("feat/stops", "[[say I stop here.]]", "--step", "one")
    dies = crew.spawn("feat/dies", "[[say Hello.]]")
    kill_client(crew, dies)
    stalled = wait_until(lambda: by_kind(heartbeat(crew)).get("stalled"), 20, "the stalled one") or {}
    assert stalled["missing"] == ["one"] or stalled["window"] == dies
    assert crew.registry(crew.agent(dies)["session_id"])
    for window in (stops, dies):
        assert len(crew.said(window, "user")) == 1, crew.said(window, "user")


@pytest.mark.stress
def test_a_loop_does_the_repairs_and_the_heartbeat_tells_of_them(crew: Crew) -> None:
    dies = crew.spawn("feat/dies", "[[say Hello.]] [[think 60]]")
    said(crew, "heartbeat")
    run_loop(crew)
    kill_client(crew, dies)
    review: dict[str, Any] = {}

    def repaired() -> bool:
        nonlocal review
        review = heartbeat(crew)
        return any(line.startswith(f"{dies} (") and "): resuming its client (" in line for line in review["repaired"])

    wait_until(repaired, 30, f"the loop's repair in {review}")
    assert review["loop"]
    assert sum("resuming" in line for line in heartbeat(crew)["repaired"]) == 0


@pytest.mark.stress
def test_without_a_tmux_server_it_says_what_is_gone_and_what_brings_it_back(crew: Crew) -> None:
    window = crew.spawn("feat/gone", "[[say Hello.]]")
    crew.stage.tmux("kill-server")
    wait_until(lambda: crew.stage.tmux("list-sessions") is None, what="the server's end")
    gone = by_kind(heartbeat(crew))["pane_gone"]
    assert (gone["window"], gone["next"]) == (window, ["restore-agent worktree-1"])
    assert "its window is gone" in gone["what"]
