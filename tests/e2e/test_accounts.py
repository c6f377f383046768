"""Clients on accounts: the token that serves them, the conversation that moves, what the ledger learns of it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.account_stage import AccountStage, assistant, user
from tests.e2e.conftest import CLAUDE, program_of
from tests.e2e.crew import Crew, crew_on
from tests.e2e.model_door import tokens
from tests.places import BUNDLE
from tests.practice.real_codex import real_stage
from tests.waiting import wait_until

TOKENS = {"work": "sk-ant-oat01-WORK", "home": "sk-ant-oat01-HOME"}


@pytest.fixture(params=["practice", CLAUDE])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    """One spare worktree, and two accounts with a token each."""
    with crew_on(lambda folder: real_stage(folder, program_of(request.param)), 1, prepare=_with_accounts) as made:
        yield made


def _with_accounts(crew: Crew) -> None:
    folder = crew.stage.folder
    (crew.stage.home / ".claude").mkdir()
    line = {"statusLine": {"type": "command", "command": "echo the line of the user"}}
    (crew.stage.home / ".claude" / "settings.json").write_text(json.dumps(line))
    (folder / "fleet").mkdir()
    entries = []
    for name, token in TOKENS.items():
        (folder / f"{name}.token").write_text(token)
        (folder / f"{name}.token").chmod(0o600)
        kind = f'name = "{name}"\nagent = "{crew.stage.kind}"\n'
        entries.append(f'[[account]]\n{kind}token = {{ file = "{folder / name}.token" }}\n')
    (folder / "fleet" / "accounts.toml").write_text("\n".join(entries))
    (folder / "fleet" / "accounts.toml").chmod(0o600)


def balance(crew: Crew) -> dict[str, dict[str, Any]]:
    return {one["account"]: one for one in json.loads(crew.run("balance", "--json").stdout)}


def test_an_agent_works_on_an_account_and_its_conversation_goes_on_on_another(crew: Crew) -> None:
    look = "[[bash env | grep -ci oat01 > seen.txt; tr '\\0' '\\n' < /proc/$PPID/environ | grep -c oat01 >> seen.txt]]"
    window = crew.spawn("feat/a", f"{look} [[say First.]]")
    agent = crew.agent(window)
    assert agent["account"] == "work"
    crew.wait_for_words(window, "First.")
    wait_until(lambda: crew.resting(window), what="the end of the turn")
    session, pane = agent["session_id"], agent["pane_id"]
    command = (crew.stage.tmux("display-message", "-p", "-t", pane, "#{pane_current_command}") or "").strip()
    assert command == crew.stage.kind
    if crew.stage.client is not None:
        seen = Path(agent["worktree_path"], "seen.txt").read_text().split()
        assert seen == ["0", "0"], "the agent's tools find the token in no environment"
        assert set(tokens(crew.stage)) == {TOKENS["work"]}
        known = wait_until(lambda: balance(crew)["work"]["windows"], what="the status line's figures")
        assert known["five_hour"]["source"] == "status line"
        assert "the line of the user" in crew.screens()
        assert balance(crew)["work"]["state"] == "ok"
        assert balance(crew)["home"]["state"] == "unknown"

    crew.stage.tmux("send-keys", "-t", pane, "C-c")
    crew.stage.tmux("send-keys", "-t", pane, "C-c")
    wait_until(lambda: crew.pid(window) is None, what="the client's end")
    line = json.dumps({"accounts": {"work": {"five_hour": wall()}}})
    (crew.stage.folder / "fleet" / "ledger.json").write_text(line)
    done = crew.run("poll-cycle")
    assert done.returncode == 0, done.stderr
    crew.start_loop()
    wait_until(lambda: crew.pid(window) is not None, 60, f"the client again\n{crew.screens()}")
    wait_until(lambda: crew.agent(window)["account"] == "home", what="the other account")
    assert crew.agent(window)["session_id"] == session
    if crew.stage.client is not None:
        wait_until(lambda: TOKENS["home"] in tokens(crew.stage), 60, "a request on the other account")


def wall() -> dict[str, Any]:
    """A wall that the account stands at for an hour."""
    now = time.time()
    return {"used_percent": 100, "resets_at": now + 3600, "at": now, "source": "transcript", "wall": True}


@pytest.mark.real_client
def test_by_hand_a_conversation_is_handed_to_codex() -> None:
    """No fleet, no state file: a shell, ``cl --resume``, and nothing left of the subscription."""
    session = "01a1fb99-0414-4831-b6d5-c37eeebee745"
    with crew_on(lambda folder: real_stage(folder, program_of("codex")), 1) as crew:
        folder = crew.stage.folder
        accounts = AccountStage(crew.stage.home)
        (folder / "fleet").mkdir()
        (folder / "fleet" / "accounts.toml").write_text(
            '[[account]]\nname = "mine"\n[[account]]\nname = "gpt"\nagent = "codex"\n'
        )
        line = json.dumps({"accounts": {"mine": {"five_hour": wall()}}})
        (folder / "fleet" / "ledger.json").write_text(line)
        work = crew.playground.repository
        accounts.conversation(session, work, user("Say hello. [[say Taken over.]]"), assistant("I begin."))
        cl = shlex.join([sys.executable, str(BUNDLE / "fleetscripts" / "__main__.py"), "cl", "--resume", session])
        codex_home = shlex.quote(str(crew.codex_home))
        variables = f"CODEX_HOME={codex_home} PRACTICE_MODEL_KEY=x FLEET_HOME={folder / 'fleet'}"
        crew.stage.tmux("new-window", "-c", str(work), f"{variables} {cl} --permission-mode bypassPermissions; cat")
        trust = "Trust this folder?"
        wait_until(lambda: trust in crew.screens() or "gpt-5" in crew.screens(), 40, "Codex's screen")
        if trust in crew.screens():
            crew.stage.tmux("send-keys", "-t", "fleet:1", "Enter")
        rollouts = wait_until(
            lambda: list(crew.codex_home.glob("sessions/*/*/*/rollout-*.jsonl")), 40, f"Codex\n{crew.screens()}"
        )
        wait_until(lambda: "Read the hand-over in" in rollouts[0].read_text(), 20, f"the prompt\n{crew.screens()}")
        text = next((folder / "fleet" / "handovers").iterdir()).read_text()
        assert "> I begin." in text
        assert not (folder / "state.json").exists()
