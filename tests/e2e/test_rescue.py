"""Agents at a usage limit: back at work on another account, or parked until the reset, and nobody asked."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.core.planning.rescue import WAKE_SPREAD_SECONDS
from fleetscripts.practice.turn import LOGGED_OUT
from tests.e2e import rollout
from tests.e2e.accounts import TOKENS, agents, bring_codex, crew_on_accounts, list_codex
from tests.e2e.conftest import CLAUDE
from tests.e2e.crew import Crew
from tests.e2e.model_door import ask
from tests.practice.real_codex import CODEX_HOME
from tests.waiting import wait_until

LAST = "[[say Two.]] [[checkpoint one]]"
PRACTICE = f"Do it. [[say One.]] [[ratelimit 3600]] {LAST}"
REAL = f"Do it. [[say One.]] [[bash until [ -e ../go ]; do sleep 0.1; done]] {LAST}"
"""The scripted model refuses a token, whoever uses it; a practice agent is refused by itself."""


@pytest.fixture(params=[CLAUDE])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    with crew_on_accounts(request.param, 6) as made:
        yield made


def at_the_wall(crew: Crew, number: int) -> list[str]:
    """Agents in the middle of their work on one account, which is then refused; their windows."""
    script = PRACTICE if crew.stage.client is None else REAL
    windows = [crew.spawn(f"feat/{n}", script, "--account", "work", "--step", "one") for n in range(number)]
    for window in windows:
        crew.wait_for_words(window, "One.")
    if crew.stage.client is not None:
        ask(crew.stage, "wall", token=TOKENS["work"], seconds=3600)
        (crew.playground.root / "go").touch()
    wait_until(lambda: walled(crew, windows), 30, f"the walls\n{crew.screens()}")
    return windows


def walled(crew: Crew, windows: list[str]) -> bool:
    done = crew.run("poll-cycle")
    assert done.returncode == 0, done.stderr
    states = {agent["window"]: agent["state"] for agent in agents(crew)}
    return all(states[window] == "rate_limited" for window in windows)


def test_walled_agents_go_on_in_the_same_conversation_on_another_account(crew: Crew) -> None:
    windows = at_the_wall(crew, 2)
    before = [crew.agent(window) for window in windows]
    proposed = json.loads(crew.run("poll-cycle").stdout)
    assert [(action["kind"], action["action"], action["account"]) for action in proposed] == [
        ("recovery", "rescue", "spare")
    ] * 2
    crew.start_loop()
    for window in windows:
        crew.wait_for_words(window, "CHECKPOINT:one", 60)
    wait_until(lambda: "rescued 2 agents: 2 → spare; 0 parked" in crew.log(), 30, "the notification")
    for known in before:
        agent = crew.agent(known["window"])
        kept = ("session_id", "pane_id", "worktree_path")
        assert {name: agent[name] for name in kept} == {name: known[name] for name in kept}
        assert (known["account"], agent["account"]) == ("work", "spare")
        assert agent.get("rescue_stage", "") == ""
        said = crew.said(known["window"], "assistant")
        assert [text for text in said if text in ("One.", "Two.")] == ["One.", "Two."]
    assert crew.log().count("rescued 2 agents") == 1
    assert crew.events("decision") == crew.events("escalated") == []


by_practice = pytest.mark.parametrize("crew", ["practice"], indirect=True)


@by_practice
def test_by_hand_only_what_stands_at_a_limit_is_moved_and_a_draft_is_kept(crew: Crew) -> None:
    [walled_window] = at_the_wall(crew, 1)
    other = crew.spawn("feat/other", "[[say Hello.]]", "--account", "spare")
    crew.wait_for_words(other, "Hello.")
    wait_until(lambda: crew.resting(other), what="the end of its turn")
    refused = crew.run("rescue-agent", other)
    assert (refused.returncode, refused.stdout) == (3, ""), refused.stderr
    assert "expected it at a usage limit, it is prompt" in refused.stderr
    assert crew.run("rescue-agent", walled_window, "--account", "nobody").returncode == 2
    pane = crew.agent(walled_window)["pane_id"]
    crew.stage.tmux("send-keys", "-t", pane, "-l", "half a thought")
    wait_until(lambda: "half a thought" in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), what="the draft")
    done = crew.run("rescue-agent", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "rescued 1 agent: 1 → spare; 0 parked"
    crew.wait_for_words(walled_window, "CHECKPOINT:one")
    shown = (crew.stage.tmux("capture-pane", "-p", "-t", pane) or "").splitlines()
    assert any(line.startswith("❯") and line.rstrip().endswith("half a thought") for line in shown[-6:])
    assert crew.run("rescue-agent", "--all").stdout == "rescued 0 agents; 0 parked\n"
    assert balance(crew)["work"]["state"] == "capped"


@pytest.mark.stress
@by_practice
def test_without_budget_an_agent_is_parked_and_woken_at_the_reset(crew: Crew) -> None:
    window = crew.spawn("feat/parked", f"Do it. [[say One.]] [[ratelimit 8]] {LAST}", "--account", "work")
    cap(crew, "spare")
    wait_until(lambda: walled(crew, [window]), 20, f"the wall\n{crew.screens()}")
    pane = crew.agent(window)["pane_id"]
    crew.stage.tmux("send-keys", "-t", pane, "Escape")
    parked = crew.agent(window)
    assert parked["resets_at"] <= parked["parked_until"] <= parked["resets_at"] + WAKE_SPREAD_SECONDS
    assert [action["action"] for action in json.loads(crew.run("poll-cycle").stdout)] == ["park"]
    assert "wakes in" in crew.run("status").stdout
    crew.start_loop()
    wait_until(lambda: "1 rate_limited" in crew.log(), 10, "a cycle")
    crew.loops[0].kill()
    crew.loops[0].wait()
    crew.start_loop()
    crew.wait_for_words(window, "CHECKPOINT:one", 60)
    assert time.time() >= parked["parked_until"]
    assert crew.agent(window)["account"] == "work"
    assert crew.events("end-intended") == crew.events("decision") == []


@by_practice
def test_other_dead_ends_a_lost_login_moves_a_full_conversation_begins_anew_once(crew: Crew) -> None:
    locked = crew.spawn("feat/auth", f"Do it. [[say One.]] [[auth]] {LAST}", "--account", "work")
    full = crew.spawn("feat/full", "Do it. [[say One.]] [[context]]", "--account", "work")
    session = crew.agent(full)["session_id"]
    crew.start_loop()
    crew.wait_for_words(locked, "CHECKPOINT:one", 60)
    wait_until(lambda: crew.agent(full)["state"] == "escalated", 60, lambda: f"an escalation\n{crew.log()}")
    agent = crew.agent(full)
    assert agent["escalation"] == "its conversation is full once more"
    assert (agent["handover_from"], agent["session_ids"]) == (f"practice:{session}", [session])
    assert agent["session_id"] != session
    assert any("> One." in text for text in crew.said(full, "user")), "it was told what the other one knew"
    assert crew.agent(locked)["account"] == "spare"
    assert balance(crew)["work"]["state"] != "capped", "a lost login is no wall"


def lose_conversation(crew: Crew, window: str) -> str:
    """Its transcript is gone and its client has died; the conversation that was."""
    agent = crew.agent(window)
    homes = (crew.codex_home,) if crew.stage.kind == "codex" else (crew.stage.home / ".claude" / "projects",)
    kept = [path for home in homes for path in home.rglob(f"*{agent['session_id']}.jsonl")]
    assert kept
    pid = crew.pid(window)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}/exe").exists(), 10, "the client's end")
    for path in kept:
        path.unlink(missing_ok=True)
    return str(agent["session_id"])


GONE = re.compile("No conversation found with session ID|No saved session found with ID|no rollout found for")


@pytest.mark.parametrize(
    "crew",
    [
        "practice",
        *(pytest.param(name, marks=[pytest.mark.real_client, pytest.mark.stress]) for name in ("claude", "codex")),
    ],
    indirect=True,
)
def test_a_conversation_that_is_gone_is_begun_anew_once_and_then_a_persons(crew: Crew) -> None:
    kind = crew.stage.kind
    window = crew.spawn("feat/lost", "Do it. [[say One.]]", "--account", "work", "--step", "one")
    crew.wait_for_words(window, "One.")
    wait_until(lambda: crew.resting(window), what="the end of its turn")
    gone = lose_conversation(crew, window)
    crew.start_loop()
    wait_until(
        lambda: crew.agent(window)["session_id"] not in ("", gone) and not crew.agent(window).get("rescue_stage"),
        60,
        lambda: f"a new conversation\n{crew.log()}\n{crew.screens()}",
    )
    agent = crew.agent(window)
    assert (agent["handover_from"], agent["session_ids"], agent["account"]) == (f"{kind}:{gone}", [gone], "work")
    told = lambda: any("Do it. [[say One.]]" in text for text in crew.said(window, "user"))  # noqa: E731
    wait_until(told, 10, lambda: f"that it knows its objective\n{crew.said(window, 'user')}")
    wait_until(lambda: crew.resting(window), what="the end of its turn")
    lose_conversation(crew, window)
    wait_until(lambda: crew.agent(window)["state"] == "escalated", 60, lambda: f"an escalation\n{crew.log()}")
    assert GONE.search(crew.agent(window)["escalation"])
    assert len(crew.events("conversation-gone")) == 2


@by_practice
def test_when_no_move_succeeds_the_conversation_waits_again_where_it_was(crew: Crew) -> None:
    (crew.stage.folder / "spare.token").write_text(LOGGED_OUT)
    [window] = at_the_wall(crew, 1)
    before = crew.agent(window)
    crew.start_loop()
    wait_until(lambda: crew.events("parked"), 90, lambda: f"its being put back\n{crew.log()}\n{crew.screens()}")
    wait_until(lambda: crew.resting(window), 30, "the client at rest")
    wait_until(lambda: crew.agent(window)["state"] == "rate_limited", 30, lambda: f"its wall seen again\n{crew.log()}")
    agent = crew.agent(window)
    kept = ("session_id", "pane_id", "account")
    assert {name: agent[name] for name in kept} == {name: before[name] for name in kept}
    assert agent["rescue_stage"] == "parked"
    assert agent["parked_until"] >= before["resets_at"]
    assert [event["account"] for event in crew.events("parked")] == ["work"]
    assert balance(crew)["spare"]["state"] == "locked", "nobody else is put there"
    assert crew.events("escalated") == []


@by_practice
def test_a_login_stays_in_one_place_whoever_works_on_it(crew: Crew) -> None:
    """Two copies of a login would log each other out when one is refreshed: nothing of ours makes or changes one."""
    folder = crew.stage.folder
    shared = folder / "shared"
    shared.mkdir()
    (shared / "projects").symlink_to(crew.stage.home / ".claude" / "projects")
    login = shared / ".credentials.json"
    login.write_text(json.dumps({"claudeAiOauth": {"accessToken": "access-1", "refreshToken": "refresh-of-the-login"}}))
    login.chmod(0o600)
    before = (login.read_bytes(), login.stat().st_ino, login.stat().st_mtime_ns)
    file = folder / "fleet" / "accounts.toml"
    file.write_text(f'{file.read_text()}\n[[account]]\nname = "login"\nagent = "practice"\nconfig_dir = "{shared}"\n')
    windows = at_the_wall(crew, 2)
    cap(crew, "spare")
    crew.start_loop()
    for window in windows:
        crew.wait_for_words(window, "CHECKPOINT:one", 60)
    assert [crew.agent(window)["account"] for window in windows] == ["login", "login"]
    assert (login.read_bytes(), login.stat().st_ino, login.stat().st_mtime_ns) == before
    for path in (path for path in folder.rglob("*") if path.is_file() and path != login):
        assert b"refresh-of-the-login" not in path.read_bytes(), path


def cap(crew: Crew, account: str) -> None:
    """The ledger knows of a wall on this account."""
    now = time.time()
    figure = {"used_percent": 100, "resets_at": now + 3600, "at": now, "source": "transcript", "wall": True}
    file = crew.stage.folder / "fleet" / "ledger.json"
    file.write_text(json.dumps({"accounts": {account: {"five_hour": figure}}}), encoding="utf-8")


def balance(crew: Crew) -> dict[str, dict[str, Any]]:
    return {one["account"]: one for one in json.loads(crew.run("balance", "--json").stdout)}


def test_with_no_subscription_left_the_work_is_handed_over_to_another_client(crew: Crew) -> None:
    bring_codex(crew)
    list_codex(crew)
    [window] = at_the_wall(crew, 1)
    before = crew.agent(window)
    cap(crew, "spare")
    crew.start_loop()
    wait_until(
        lambda: "rescued 1 agent: 1 → other by a hand-over" in crew.log(),
        60,
        lambda: f"the hand-over\n{crew.log()}\n{crew.screens()}",
    )
    agent = crew.agent(window)
    assert (agent["agent"], agent["account"], agent["pane_id"]) == ("codex", "other", before["pane_id"])
    assert agent["handover_from"] == f"claude:{before['session_id']}"
    assert agent["session_ids"] == [before["session_id"]]
    wait_until(lambda: crew.agent(window)["checkpoints"] == ["one"], 40, f"its checkpoint\n{crew.screens()}")
    told = rollout.said(rollout.records(crew.stage.folder / CODEX_HOME, crew.agent(window)["session_id"]), "user")
    assert any("until [ -e ../go ]" in text and "> One." in text for text in told), told
    assert crew.events("decision") == crew.events("escalated") == []


@pytest.mark.stress
def test_no_client_is_ended_for_one_that_is_not_logged_in(crew: Crew) -> None:
    list_codex(crew)
    [window] = at_the_wall(crew, 1)
    before = crew.agent(window)
    cap(crew, "spare")
    crew.start_loop()
    wait_until(lambda: crew.events("account-locked"), 90, lambda: f"a look at the other account\n{crew.log()}")
    [locked] = crew.events("account-locked")
    assert locked["account"] == "other"
    assert "not logged in" in locked["why"]
    wait_until(lambda: "no account but work has budget" in crew.log(), 30, lambda: crew.log())
    agent = crew.agent(window)
    kept = {name: agent.get(name) for name in ("session_id", "session_ids", "agent", "pane_id", "handover_from")}
    assert kept == {name: before.get(name) for name in kept}
    assert (agent["state"], crew.log().count("dialog: login")) == ("rate_limited", 0)
    crew.loops[-1].terminate()
    crew.loops[-1].wait(60)  # with budget on the other account it would move the agent before anybody does by hand
    file = crew.stage.folder / "fleet" / "ledger.json"
    file.unlink()
    done = crew.run("rescue-agent", window, "--account", "spare")
    assert done.returncode == 0, done.stdout + done.stderr
    crew.wait_for_words(window, "CHECKPOINT:one")


@pytest.mark.stress
def test_six_agents_go_on_elsewhere_then_wait_for_the_reset_then_go_on_as_codex(crew: Crew) -> None:
    bring_codex(crew)
    windows = at_the_wall(crew, 6)
    before = [crew.agent(window) for window in windows]
    began = time.monotonic()
    crew.start_loop()
    for window in windows:
        crew.wait_for_words(window, "CHECKPOINT:one", 90)
    took = time.monotonic() - began
    wait_until(lambda: "rescued 6 agents: 6 → spare; 0 parked" in crew.log(), 60, lambda: f"the line\n{crew.log()}")
    print(f"\n6 walled agents back at work after {took:.1f} s")
    assert took < 90
    for known in before:
        agent = crew.agent(known["window"])
        assert (agent["session_id"], agent["pane_id"]) == (known["session_id"], known["pane_id"])
        assert [text for text in crew.said(known["window"], "assistant") if text in ("One.", "Two.")] == [
            "One.",
            "Two.",
        ]

    for token in TOKENS.values():
        ask(crew.stage, "wall", token=token, seconds=40)
    for number, window in enumerate(windows):
        crew.run("send-agent", window, f"[[say Again {number}.]]")
    wait_until(lambda: all(agent["state"] == "rate_limited" for agent in agents(crew)), 60, lambda: crew.log())
    parked = [agent["parked_until"] for agent in agents(crew)]
    assert len(set(parked)) > 1, "woken apart"
    for number, window in enumerate(windows):
        crew.wait_for_words(window, f"Again {number}.", 200)

    list_codex(crew)
    for token in TOKENS.values():
        ask(crew.stage, "wall", token=token, seconds=7200)
    for window in windows:
        crew.run("send-agent", window, "[[say Now as another.]]")
    wait_until(lambda: all(agent.get("agent") == "codex" for agent in agents(crew)), 120, lambda: crew.log())
    wait_until(lambda: all(not agent.get("rescue_stage") for agent in agents(crew)), 120, lambda: crew.log())
    assert {agent["handover_from"] for agent in agents(crew)} == {f"claude:{known['session_id']}" for known in before}
    assert crew.events("decision") == crew.events("escalated") == []
