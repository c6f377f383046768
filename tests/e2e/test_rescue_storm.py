"""Rescues that are cut short by a kill: gone on with, never doubled; and a storm of them."""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.turn import LOGGED_OUT
from tests.e2e.accounts import agents, crew_on_accounts
from tests.e2e.crew import Crew
from tests.waiting import wait_until

ALLOWED_SECONDS = 420
"""For 22 agents with two walls each, on two cores that others use too; a quiet machine needs about a third."""


class Watch:
    """Looks all the time whether two clients have one conversation."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.doubled: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            found = Counter(self._conversations())
            self.seen |= set(found)
            self.doubled |= {session for session, number in found.items() if number > 1}

    def _conversations(self) -> Iterator[str]:
        """One for each client; a process that it has just forked, to become another program, still looks like it."""
        clients = {pid: (parent, session) for pid, parent, session in _clients()}
        for parent, session in clients.values():
            if clients.get(parent, (0, ""))[1] != session:
                yield session


def _clients() -> Iterator[tuple[int, int, str]]:
    """Process id, parent and conversation of whatever looks like a client."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        client = any(word.endswith(b"/practice/agent.py") for word in words[:6])
        for name, value in itertools.pairwise(words):
            if client and state != "Z" and name in (b"--resume", b"--session-id"):
                yield int(process.name), int(parent), value.decode()


@pytest.fixture
def crew() -> Iterator[Crew]:
    with crew_on_accounts("practice", 1) as made:
        yield made


def kill_loop(crew: Crew) -> None:
    """As the kernel would when memory runs out."""
    crew.loops[-1].kill()
    crew.loops[-1].wait()


@pytest.mark.parametrize("stage", ["ending", "starting"])
def test_a_rescue_cut_short_is_gone_on_with_and_never_doubled(crew: Crew, stage: str) -> None:
    window = crew.spawn("feat/a", "Do it. [[say One.]] [[ratelimit 3600]] [[checkpoint one]]", "--account", "work")
    with Watch() as watch:
        crew.start_loop()
        wait_until(lambda: crew.agent(window).get("rescue_stage") == stage, 30, f"the stage\n{crew.log()}")
        kill_loop(crew)
        crew.start_loop()
        crew.wait_for_words(window, "CHECKPOINT:one", 60)
        wait_until(lambda: not crew.agent(window).get("rescue_stage"), 20, "the end of the rescue")
    agent = crew.agent(window)
    assert agent["session_id"] in watch.seen
    assert watch.doubled == set()
    assert (agent["account"], agent.get("rescue_tries", 0), agent["state"]) == ("spare", 0, "running")
    assert len([text for text in crew.said(window, "user") if "Something outside your work" in text]) == 1


GOOD = ("work", "spare", "third", "fourth", "fifth", "sixth")
FAR = 3600
"""A limit that resets so late that its agent is moved; the others wait where they are."""


def list_unfit_accounts(crew: Crew) -> None:
    """In front of all others: one without its secret, one whose login the service refuses, one with conversations of
    its own, one that bills by use."""
    folder = crew.stage.folder
    (folder / "out.token").write_text(LOGGED_OUT)
    (folder / "out.token").chmod(0o600)
    (folder / "apart" / "projects" / "of-its-own").mkdir(parents=True)
    file = folder / "fleet" / "accounts.toml"
    unfit = [
        f'[[account]]\nname = "locked"\nagent = "practice"\ntoken = {{ file = "{folder}/none.token" }}\n',
        f'[[account]]\nname = "out"\nagent = "practice"\ntoken = {{ file = "{folder}/out.token" }}\n',
        f'[[account]]\nname = "apart"\nagent = "practice"\nconfig_dir = "{folder}/apart"\n',
        f'[[account]]\nname = "paid"\nagent = "practice"\nprovider = "api"\ntoken = {{ file = "{folder}/none" }}\n',
    ]
    file.write_text("\n".join([*unfit, file.read_text()]))


def known_of(crew: Crew, account: str) -> dict[str, Any]:
    """Windows of an account in the ledger."""
    ledger = json.loads((crew.stage.folder / "fleet" / "ledger.json").read_text(encoding="utf-8"))
    known: dict[str, Any] = ledger["accounts"].get(account, {})
    return known


@pytest.mark.stress
def test_a_storm_of_walls_with_the_loop_killed_twenty_times() -> None:
    dice = random.Random(7)
    script = (
        "Do it. [[say One.]] {} [[think {}]] [[ratelimit {}]] [[say Two.]] [[think {}]] [[ratelimit {}]] "
        "[[say Three.]] [[checkpoint one]]"
    )
    tokens = {name: f"oat-{name}" for name in GOOD}
    with crew_on_accounts("practice", 22, tokens) as crew, Watch() as watch:
        list_unfit_accounts(crew)
        windows = []
        for number in range(22):
            task = f"[[bgbash sleep {dice.randint(5, 25)}]]" if number % 2 else ""
            first = FAR if number < 4 else dice.randint(20, 60)
            times = [dice.randint(1, 20), first, dice.randint(1, 10), dice.randint(10, 40)]
            account = GOOD[number % len(GOOD)]
            objective = script.format(task, *times)
            windows.append(crew.spawn(f"feat/{number}", objective, "--step", "one", "--account", account))
        sessions = {window: crew.agent(window)["session_id"] for window in windows}
        pause = threading.Event()
        for _ in range(20):
            crew.start_loop()
            pause.wait(dice.uniform(0.8, 5))
            kill_loop(crew)
        crew.start_loop()
        wait_until(
            lambda: all(agent["checkpoints"] == ["one"] for agent in agents(crew)),
            ALLOWED_SECONDS,
            lambda: f"every checkpoint\n{crew.run('status').stdout}\n{crew.log()[-3000:]}",
        )
        for window in windows:
            said, heard = crew.said(window, "assistant"), crew.said(window, "user")
            assert [text for text in said if text in ("One.", "Two.", "Three.")] == ["One.", "Two.", "Three."]
            assert crew.agent(window)["session_id"] == sessions[window]
            ours = ("You are one agent of a fleet", "Something outside your work", "You have stopped", "<task-notif")
            others = [text for text in heard if not any(words in text for words in ours)]
            assert others == [], "nothing else was ever typed"
        assert set(sessions.values()) <= watch.seen
        assert watch.doubled == set()
        assert crew.events("escalated") == []
        assert {agent["account"] for agent in agents(crew)} <= set(GOOD), "nothing spent that nobody allowed"
        moved = [window for number, window in enumerate(windows) if crew.agent(window)["account"] != GOOD[number % 6]]
        assert set(windows[:4]) == set(moved)
        assert {event["account"] for event in crew.events("account-locked")} <= {"locked"}
        refused = [
            window for window in windows if any("Please run /login" in t for t in crew.said(window, "assistant"))
        ]
        assert 1 <= len(refused) <= 2, "known to all after the first that the service refused there"
        assert "login" in known_of(crew, "out")
        ways = Counter(crew.agent(window)["account"] for window in moved)
        print(f"\n22 agents, 20 kills, {dict(ways)}; refused: {refused}")


@pytest.mark.stress
def test_an_account_that_cannot_be_worked_on_is_known_before_a_client_is_ended() -> None:
    tokens = {"work": "oat-W", "broken": "oat-B", "good": "oat-G"}
    with crew_on_accounts("practice", 2, tokens) as crew:
        script = "Do it. [[say One.]] [[ratelimit 3600]] [[checkpoint one]]"
        (crew.stage.folder / "broken.token").unlink()
        first = crew.spawn("feat/a", script, "--account", "work")
        crew.wait_for_words(first, "One.")
        crew.start_loop()
        crew.wait_for_words(first, "CHECKPOINT:one", 60)
        wait_until(lambda: not crew.agent(first).get("rescue_stage"), 20, "the end of the rescue")
        agent = crew.agent(first)
        assert (agent["account"], agent.get("rescue_tries", 0), agent.get("failed_accounts", [])) == ("good", 0, [])
        assert [event["account"] for event in crew.events("account-locked")] == ["broken"]

        (crew.stage.folder / "good.token").unlink()
        second = crew.spawn("feat/b", script, "--account", "work")
        wait_until(
            lambda: "good" in [event["account"] for event in crew.events("account-locked")],
            60,
            lambda: f"that nothing is left\n{crew.log()}",
        )
        wait_until(lambda: crew.agent(second)["state"] == "rate_limited", 20, lambda: f"it waits\n{crew.log()}")
        agent = crew.agent(second)
        assert (agent["account"], agent.get("rescue_tries", 0), agent.get("rescue_stage", "")) == ("work", 0, "")
        ended = [event["window"] for event in crew.events("end-intended")]
        assert second not in ended, "its client was left in peace"
        assert crew.events("escalated") == []
        (crew.stage.folder / "good.token").write_text("oat-G")
        (crew.stage.folder / "good.token").chmod(0o600)
        done = crew.run("rescue-agent", second, "--account", "good")
        assert done.returncode == 0, done.stdout + done.stderr
        crew.wait_for_words(second, "CHECKPOINT:one")
        assert crew.agent(second)["session_id"] == agent["session_id"], "it had stayed resumable"


@pytest.mark.stress
def test_an_account_that_may_spend_is_the_last_choice_and_is_left_at_the_next_rest() -> None:
    script = "Do it. [[say One.]] [[ratelimit 3600]] [[say Two.]] [[think 4]] [[ratelimit 3600]] [[say Three.]]"
    with crew_on_accounts("practice", 1, {"work": "oat-W", "spare": "oat-S"}) as crew:
        folder = crew.stage.folder
        (folder / "paid.token").write_text("oat-P")
        (folder / "late.token").write_text("oat-L")
        for name in ("paid", "late"):
            (folder / f"{name}.token").chmod(0o600)
        file = folder / "fleet" / "accounts.toml"
        subscriptions = file.read_text()
        paid = '[[account]]\nname = "paid"\nagent = "practice"\nprovider = "api"\nmay_spend = true\n'
        paid += f'environment = {{ CLAUDE_CODE_OAUTH_TOKEN = {{ file = "{folder}/paid.token" }} }}\n'
        file.write_text(f"{paid}\n{subscriptions}")
        window = crew.spawn("feat/a", script, "--account", "work", "--step", "one")
        crew.start_loop()
        crew.wait_for_words(window, "Three.", 120)
        agent = crew.agent(window)
        assert agent["account"] == "paid", crew.log()
        for way in ("work → spare", "spare → paid"):
            wait_until(lambda way=way: way in crew.log(), 20, lambda way=way: f"{way}\n{crew.log()}")
        late = f'[[account]]\nname = "late"\nagent = "practice"\ntoken = {{ file = "{folder}/late.token" }}\n'
        file.write_text(f"{file.read_text()}\n{late}")
        wait_until(lambda: crew.agent(window)["account"] == "late", 120, lambda: f"it leaves\n{crew.log()}")
        assert crew.agent(window)["session_id"] == agent["session_id"]
        assert [text for text in crew.said(window, "assistant") if text in ("One.", "Two.", "Three.")] == [
            "One.", "Two.", "Three.",
        ]  # fmt: skip
        assert crew.events("escalated") == []
