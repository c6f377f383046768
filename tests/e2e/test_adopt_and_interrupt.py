"""Windows made by hand taken into the fleet; agents stopped because a person wants it, and then left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.crew import Crew
from tests.e2e.quick import hand_made, heartbeat, kill_client, quick_crew, run_loop, said, wait_for_cycles
from tests.waiting import wait_until


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(spares=3) as made:
        yield made


def made_by_hand(crew: Crew, number: int, branch: str) -> tuple[str, Path]:
    """A client on a branch of its own in one of the worktrees; its pane and folder."""
    folder = crew.playground.spare(number)
    crew.run_git("-C", str(folder), "checkout", "-q", "-b", branch)
    return hand_made(crew, folder, "--permission-mode", "bypassPermissions"), folder


def test_a_hand_made_window_becomes_an_agent_like_any_other(crew: Crew) -> None:
    pane, folder = made_by_hand(crew, 1, "feat/by-hand")
    assert "give --objective" in said(crew, "adopt-agent", pane, code=2)
    typed = "Invent a name. [[say Invented.]]"
    said(crew, "send-agent", pane, typed)
    wait_until(lambda: "● Invented." in crew.screens(), what="its answer")
    before = crew.stage.tmux("capture-pane", "-p", "-t", pane)
    window = said(crew, "adopt-agent", pane, "--pr", "12", "--step", "one").strip()
    assert crew.stage.tmux("capture-pane", "-p", "-t", pane) == before, "nothing was typed"
    agent = crew.agent(window)
    assert (agent["worktree_path"], agent["branch"], agent["pane_id"]) == (str(folder), "feat/by-hand", pane)
    assert (agent["objective"], agent["pr_number"], agent["steps"]) == (typed, "12", ["one"])
    assert crew.registry(agent["session_id"])["cwd"] == str(folder)
    assert "in the fleet already" in said(crew, "adopt-agent", pane, code=3)
    assert str(folder) not in said(crew, "find-spare")
    kill_client(crew, window)
    said(crew, "heartbeat")
    assert crew.registry(agent["session_id"]), "the fleet resumed it in its conversation"


def test_a_number_that_a_recycled_agent_had_is_told_with_the_pane_that_has_it_now(crew: Crew) -> None:
    pane, folder = made_by_hand(crew, 1, "feat/by-hand")
    window = said(crew, "adopt-agent", pane, "--objective", "a").strip()
    said(crew, "recycle-agent", window, str(folder), "spare/1", "--force")
    new = (crew.stage.tmux("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", window, "sh") or "").strip()
    assert f"the pane there now is {new}" in said(crew, "adopt-agent", window, "--objective", "a", code=3)


def test_what_is_not_the_fleets_to_take_is_refused(crew: Crew) -> None:
    shell = crew.stage.tmux("new-window", "-d", "-P", "-F", "#{pane_id}", "sh") or ""
    assert "expected a live client" in said(crew, "adopt-agent", shell, "--objective", "a", code=3)
    assert "no such window" in said(crew, "adopt-agent", "nowhere:1", "--objective", "a", code=1)
    outside = hand_made(crew, crew.stage.home)
    assert "expected its client in a git worktree" in said(crew, "adopt-agent", outside, "--objective", "a", code=3)
    config = crew.stage.folder / "fleet" / "config.toml"
    config.write_text(config.read_text() + 'protected_worktrees = ["worktree-1"]\n')
    protected, _ = made_by_hand(crew, 1, "feat/protected")
    assert "protected worktree" in said(crew, "adopt-agent", protected, "--objective", "a", code=3)
    own, folder = made_by_hand(crew, 2, "feat/own")
    pid = (crew.stage.tmux("display-message", "-p", "-t", own, "#{pid}") or "").strip()
    crew.stage.extra = {"TMUX": f"/tmp/x,{pid},0", "TMUX_PANE": own}
    assert "the supervisor is not one of its own agents" in said(crew, "adopt-agent", own, "--objective", "a", code=3)
    assert "pane that this call comes from" in said(crew, "interrupt-agent", own, code=3)
    assert own not in {item["pane_id"] for item in heartbeat(crew)["decisions"]}
    crew.stage.extra = {}
    window = said(crew, "adopt-agent", own, "--objective", "a").strip()
    beside = hand_made(crew, folder)
    assert "has an agent already" in said(crew, "adopt-agent", beside, "--objective", "a", code=3)
    assert [agent["window"] for agent in json.loads((crew.stage.folder / "state.json").read_text())["agents"]] == [
        window
    ]


@pytest.mark.stress
def test_a_stopped_turn_stays_stopped_until_the_agent_gets_a_text(crew: Crew) -> None:
    window = crew.spawn("feat/stopped", "Think. [[think 60]]")
    wait_until(lambda: not crew.resting(window), what="its turn")
    lines = said(crew, "interrupt-agent", window)
    assert "the turn was stopped" in lines
    assert crew.resting(window)
    box = json.loads(said(crew, "classify-pane", window))
    assert (box["state"], box.get("draft")) == ("prompt", None), lines
    assert crew.agent(window)["held"] == "its turn was stopped by a person"
    assert "no turn is in progress" in said(crew, "interrupt-agent", window, code=3)
    run_loop(crew)
    wait_for_cycles(crew, 3)
    assert len(crew.said(window, "user")) == 1, "nobody nudged it"
    assert [item["kind"] for item in heartbeat(crew)["waiting"]] == ["held"]
    said(crew, "send-agent", window, "Go on. [[say Going on.]]")
    assert "held" not in crew.agent(window)
    wait_until(lambda: any("You have stopped" in text for text in crew.said(window, "user")), 20, "a nudge again")


@pytest.mark.stress
def test_a_persons_draft_outlasts_the_end_of_a_turn(crew: Crew) -> None:
    window = crew.spawn("feat/draft", "[[say First.]] [[think 60]]")
    crew.wait_for_words(window, "First.")
    pane = crew.agent(window)["pane_id"]
    crew.stage.tmux("send-keys", "-l", "-t", pane, "half typed by a person")
    wait_until(lambda: "half typed" in crew.screens(), what="the draft")
    assert "unsent in its input box: " in said(crew, "interrupt-agent", window)
    assert "half typed by a person" in crew.screens()


@pytest.mark.stress
def test_an_ended_client_is_not_resumed_at_once(crew: Crew) -> None:
    window = crew.spawn("feat/ended", "[[say Begun.]] [[think 60]]")
    crew.wait_for_words(window, "Begun.")
    run_loop(crew)
    session = crew.agent(window)["session_id"]
    told = said(crew, "interrupt-agent", window, "--kill")
    assert "the client has ended" in told
    assert f"until restore-agent {crew.agent(window)['worktree']} reopens its conversation" in told
    assert not crew.registry(session)
    wait_for_cycles(crew, 3)
    assert not crew.registry(session), "it stays ended, although the loop saw it at work after it was held"
    agent = crew.agent(window)
    assert (agent["held"], agent["state"]) == ("its client was ended by a person", "idle")
    said(crew, "update-agent", window, "held=")
    wait_until(lambda: crew.registry(session), 20, "its client again")
