"""A cap that is reached: the turn in progress ends, no other is begun by anybody, and one command lets it go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.conftest import program_of
from tests.e2e.crew import Crew, crew_on
from tests.e2e.model_door import ask
from tests.e2e.quick import CONFIG, quick_crew, run_loop, said, wait_for_cycles
from tests.practice.real_codex import real_stage
from tests.waiting import wait_until

ONE_TURN = 200
"""What each answer of the practice agent uses, of what a cap counts."""


def texts(crew: Crew, window: str) -> int:
    """How many turns somebody has begun: texts that the agent was sent."""
    return len(crew.said(window, "user"))


def spent(crew: Crew) -> dict[str, Any]:
    return dict(json.loads(said(crew, "balance", "--spent", "--json")))


def test_at_its_cap_an_agent_ends_its_turn_and_nobody_begins_another_until_more_is_allowed() -> None:
    with quick_crew(config=f"{CONFIG}[caps]\nagent = {4 * ONE_TURN}\n") as crew:
        window = crew.spawn("feat/a", "[[say one]] [[bash true]] [[bash true]] [[bash sleep 3]] [[say last of it]]")
        run_loop(crew)
        wait_until(
            lambda: crew.agent(window).get("held", "").startswith("budget: its cap of 800 tokens"), 30, crew.screens
        )
        held_at = texts(crew, window)
        crew.wait_for_words(window, "last of it")
        wait_until(lambda: crew.resting(window), what="the end of its turn")
        wait_for_cycles(crew, 3)
        [decision] = json.loads(said(crew, "poll-cycle"))
        assert (decision["action"], decision["kind"]) == ("budget", "decision")
        log = (crew.stage.folder / "fleet" / "loop.log").read_text()
        assert log.count("budget: budget: its cap") == 1, log
        told = said(crew, "status")
        assert "1 paused" in told
        assert "cap of 800 tokens is reached" in told
        refused = said(crew, "send-agent", window, "go on", code=3)
        assert "no turn is started" in refused
        worktree = crew.agent(window)["worktree"]
        assert f"--allow {worktree} allows as much again" in refused
        assert f"--allow {worktree}" in said(crew, "update-agent", window, "held=", code=3)
        assert "no turn is started" in said(crew, "send-agent", window, "--task", "Another task.", code=3)
        told = crew.run("evaluate", window, "--fail", "the tests")
        assert told.returncode in (3, 8), f"{told.stdout}{told.stderr}"
        assert crew.run("rescue-agent", window).returncode == 3
        said(crew, "interrupt-agent", window, "--kill")
        wait_for_cycles(crew, 2)
        assert crew.pid(window) is None, "it is not resumed either"
        assert texts(crew, window) == held_at, "no turn ran after the one in which the cap was reached"
        assert "another 800 tokens may be spent" in said(crew, "balance", "--allow", window)
        assert crew.run("restore-agent", window).returncode in (0, 3), "restored, unless the loop came first"
        wait_until(lambda: texts(crew, window) > held_at, 30, crew.screens)
        wait_until(lambda: sum(row["tokens"] for row in spent(crew)["rows"]) >= 5 * ONE_TURN, 20, crew.screens)
        assert "spent:" in said(crew, "history", window)


def test_todays_cap_is_told_near_once_and_reached_once_for_all_and_begins_no_agent() -> None:
    config = f"{CONFIG}[caps]\nday = 750\n"
    with quick_crew(spares=3, config=config) as crew:
        near = crew.spawn("feat/a", "[[say one]] [[bash true]] [[bash true]] [[ask Which?|a|b]]")
        run_loop(crew)
        log = crew.stage.folder / "fleet" / "loop.log"
        wait_until(lambda: "today's cap of 750 tokens is used to 80%" in log.read_text(), 30, log.read_text)
        other = crew.spawn("feat/b", "[[say two]] [[say three]]")
        wait_until(lambda: crew.agent(other).get("held", "").startswith("budget: today's cap"), 30, crew.screens)
        wait_for_cycles(crew, 3)
        assert log.read_text().count("is used to") == 1
        assert log.read_text().count("budget: budget: today's cap") == 1, log.read_text()
        spawned = crew.run(
            "spawn-agent", "--session", "fleet", "--branch", "feat/c", "--objective", "x", "--repo",
            str(crew.playground.repository), "--agent", "practice",
        )  # fmt: skip
        assert (spawned.returncode, "budget: today's cap of 750 tokens is reached" in spawned.stderr) == (3, True)
        assert "balance --allow day" in spawned.stderr
        tasks = crew.stage.home / "captain" / "tasks" / "pending"
        tasks.mkdir(parents=True)
        (tasks / "more.task").write_text("Do more.\n")
        dispatched = crew.run("tasks", "dispatch", "--repo", str(crew.playground.repository))
        assert dispatched.returncode == 3
        assert "no task is started: today's cap of 750 tokens is reached" in f"{dispatched.stdout}{dispatched.stderr}"
        assert "another 750 tokens may be spent" in said(crew, "balance", "--allow", near)
        assert not [name for name in (near, other) if crew.agent(name).get("held")]


@contextmanager
def real_crew(kind: str) -> Iterator[Crew]:
    with crew_on(lambda folder: real_stage(folder, program_of(kind)), 2) as made:
        yield made


def charged(crew: Crew, *, after: int = 0) -> tuple[int, dict[str, int]]:
    """What the scripted model charged for turns, and how many requests it knows by now."""
    requests = ask(crew.stage, "requests")["requests"]
    used = [one["usage"] for one in requests[after:] if one.get("purpose", "turn") == "turn" and "usage" in one]
    names = {"input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_input_tokens",
             "cache_write": "cache_creation_input_tokens"}  # fmt: skip
    return len(requests), {name: sum(one.get(key, 0) for one in used) for name, key in names.items()}


def noted(crew: Crew) -> dict[str, int]:
    said(crew, "poll-cycle")
    rows = spent(crew)["rows"]
    return {name: sum(row[name] for row in rows) for name in ("input", "output", "cache_read", "cache_write")}


def say(crew: Crew, window: str, words: str) -> None:
    said(crew, "send-agent", window, f"[[say {words}]]")
    crew.wait_for_words(window, words)
    wait_until(lambda: crew.resting(window), what="the end of its turn")


def has_heard_of_its_tasks(crew: Crew, window: str, times: int) -> bool:
    """Whether so many background tasks have ended and the client has answered the last of these notifications: they
    begin a turn after the client has said that it rests."""
    records = [record for record in crew.transcript(window) if record["type"] in ("user", "attachment", "assistant")]
    told = [at for at, record in enumerate(records) if "<tool-use-id>toolu_" in json.dumps(record)]
    answers = [one["message"] for one in records[told[-1] :] if one["type"] == "assistant"] if told else []
    return len(told) >= times and any(answer.get("stop_reason") == "end_turn" for answer in answers)


def compact(crew: Crew, window: str) -> None:
    pane = crew.agent(window)["pane_id"]
    crew.stage.tmux("send-keys", "-t", pane, "-l", "/compact")
    wait_until(lambda: "/compact" in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), what="the command")
    crew.stage.tmux("send-keys", "-t", pane, "Enter")
    wait_until(lambda: any("ompact" in str(one.get("subtype", one.get("type"))) for one in crew.transcript(window)))
    wait_until(lambda: crew.resting(window), what="the compaction's end")


@pytest.mark.real_client
@pytest.mark.stress
def test_what_claude_code_writes_down_is_what_the_model_charged_over_sub_agents_compaction_and_resume() -> None:
    with real_crew("claude") as crew:
        window = crew.spawn("feat/a", "[[bash echo one]] [[task {{bash echo two}} {{say part}}]] [[say all said]]")
        wait_until(lambda: has_heard_of_its_tasks(crew, window, 1), 30, crew.screens)
        wait_until(lambda: crew.resting(window), what="the end of its turn")
        wait_until(lambda: noted(crew) == charged(crew)[1], 20, lambda: f"{noted(crew)} {charged(crew)}")
        compact(crew, window)
        say(crew, window, "after it")
        wait_until(lambda: noted(crew) == charged(crew)[1], 20, lambda: f"{noted(crew)} {charged(crew)}")
        said(crew, "interrupt-agent", window, "--kill")
        said(crew, "restore-agent", window)
        wait_until(lambda: has_heard_of_its_tasks(crew, window, 2), 30, crew.screens)
        wait_until(lambda: crew.resting(window), what="the end of the objective's second turn")
        say(crew, window, "resumed again")
        wait_until(lambda: noted(crew) == charged(crew)[1], 20, lambda: f"{noted(crew)} {charged(crew)}")
        first = noted(crew)
        (crew.stage.folder / "fleet" / "spent.json").write_text("{")
        assert noted(crew) == first, "a damaged ledger is told again by the conversations"
        assert list((crew.stage.folder / "fleet").glob("spent.json.damaged-*"))
