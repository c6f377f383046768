"""``--json`` of every command: what it prints parses, whatever became of the call."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fleetscripts import commands
from tests.conftest import RunScript
from tests.e2e.crew import Crew
from tests.e2e.quick import quick_crew, said
from tests.places import GitRepo, TmuxServer
from tests.waiting import wait_until

WITHOUT = {
    "attach": "it leads a terminal there",
    "cl": "its arguments are the client's",
    "classify-pane": "it prints nothing else",
    "demo": "for people's eyes",
    "fleet": "its verbs have it",
    "host": "it speaks to another machine",
    "permission-check": "it prints nothing else",
    "poll-cycle": "it prints nothing else",
    "run-loop": "it prints a log",
}
VERBS_WITHOUT = {
    "accounts": {"add", "drop"},
    "test-queue": {"add", "next", "run", "done", "drop"},
}
"""Verbs that print one line for whoever called, or a line to be run."""


def parsers() -> Iterator[tuple[str, click.Command]]:
    """Every command and every verb of a group, by what one types."""
    for name in commands.names():
        parser = importlib.import_module(commands.module_of(name)).command
        if isinstance(parser, click.Group):
            yield from ((f"{name} {verb}", found) for verb, found in parser.commands.items())
        else:
            yield name, parser


def test_every_command_that_a_program_would_read_has_it() -> None:
    without = {name for name, parser in parsers() if not any("--json" in option.opts for option in parser.params)}
    allowed = WITHOUT.keys() | {f"{name} {verb}" for name, verbs in VERBS_WITHOUT.items() for verb in verbs}
    assert without - allowed == set()


CALLS = (
    ("add-spare", "--repo", "/nowhere"),
    ("adopt-agent", "nowhere:7", "--objective", "x"),
    ("answer-dialog", "nowhere:7"),
    ("capacity", "/nowhere"),
    ("evaluate", "nowhere:7"),
    ("find-spare", "/nowhere"),
    ("history", "nowhere:7"),
    ("hosts", "add", "box", "a b"),
    ("hosts", "drain", "box"),
    ("interrupt-agent", "nowhere:7"),
    ("open-pr", "nowhere:7"),
    ("recycle-agent", "nowhere:7"),
    ("release-agent", "nowhere:7"),
    ("rescue-agent", "nowhere:7"),
    ("restore-agent", "nowhere:7"),
    ("send-agent", "nowhere:7", "a text of some length"),
    ("send-agent", "nowhere:7", "--task", "another one"),
    ("show", "nowhere:7"),
    ("spawn-agent", "--session", "none", "--branch", "feat/x", "--objective", "x", "--repo", "/nowhere"),
    ("tasks", "add", "a/b", "text"),
    ("tasks", "archive", "nothing", "--outcome", "done"),
    ("update-agent", "nowhere:7", "objective=x"),
    ("verify-complete", "nowhere:7"),
)


@pytest.mark.parametrize("words", CALLS, ids=lambda words: " ".join(words[:3]))
def test_what_cannot_be_done_is_told_as_json_too(
    words: tuple[str, ...], tmux_server: TmuxServer, home: Path, run_script: RunScript
) -> None:
    tmux_server.new_session(command=["sleep", "600"])
    agent = {"window": "fleet:0", "worktree": "w", "objective": "x"}
    (home / "state.json").write_text(json.dumps({"tmux_session": "fleet", "agents": [agent]}), encoding="utf-8")
    plain, done = run_script(*words), run_script(*words, "--json")
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert done.returncode != 0
    told = json.loads(done.stdout)
    assert told["exit_code"] == done.returncode
    assert done.stderr == f"{words[0]}: {told['error']}\n"


def test_what_a_place_without_a_fleet_answers(home: Path, git_repo: GitRepo, run_script: RunScript) -> None:
    git_repo.add_spares(1)
    repo = str(git_repo.path)
    spare = {"path": str(git_repo.spares[0]), "branch": "spare/1"}
    for words, code, expected in (
        (("find-spare", repo), 0, [spare]),
        (("notify", "@everyone it is done"), 0, {"message": "@everyone it is done", "held_back": False}),
        (("tasks", "dispatch"), 3, {"begun": [], "words": []}),
        (("tasks", "add", "one", "Do it"), 0, None),
        (("tasks", "archive", "one", "--outcome", "done"), 0, None),
        (("setup", "--check"), 3, None),
        (("setup", "--undo"), 0, {"link_removed": False, "rules_removed": 0}),
    ):
        done = run_script(*words, "--json")
        assert done.returncode == code, done.stderr
        told = json.loads(done.stdout)
        assert expected is None or told == expected or expected.items() <= told.items()
    written = run_script("tasks", "batch", "-", "--json", input="=== two\nDo two\n=== three\nDo three\n")
    assert [one["name"] for one in json.loads(written.stdout)] == ["two", "three"]
    kept = run_script("notify", "--set-webhook", "--json", input="https://discord.com/api/webhooks/1/x\n")
    assert json.loads(kept.stdout) == {"webhook": "kept", "state_file": str(home / "state.json")}
    changed = json.loads(run_script("update-agent", "--top", "repo=a/b", "--json").stdout)
    assert changed == [{"record": "fleet", "field": "repo", "before": "", "after": "a/b"}]


@pytest.fixture
def crew() -> Iterator[Crew]:
    with quick_crew(spares=1) as made:
        yield made


def told(crew: Crew, *words: str, code: int = 0) -> dict[str, object]:
    done = crew.run(*words, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_an_agents_life_in_json(crew: Crew) -> None:
    repo = str(crew.playground.repository)
    spawned = told(crew, "spawn-agent", "--session", "fleet", "--repo", repo, "--branch", "feat/a",
                   "--objective", "Say so. [[say So.]]", "--agent", "practice", "--step", "one")  # fmt: skip
    window = str(spawned["window"])
    record = crew.agent(window)
    assert spawned["notes"] == []
    shown = ("id", "pane_id", "worktree", "worktree_path", "branch", "session_id", "agent")
    assert {name: spawned[name] for name in shown} == {name: record[name] for name in shown}
    assert told(crew, "interrupt-agent", window, code=3)["exit_code"] == 3
    sent = told(crew, "send-agent", window, "Ask me. [[ask Which colour? | Blue | Green]]")
    assert (sent["window"], sent["notes"]) == (window, [])
    assert sent["proof"]
    wait_until(lambda: "Which colour?" in crew.screens(), what="its question")
    asked = told(crew, "answer-dialog", window, "--show", code=3)
    assert asked["dialog"] == "question"
    [question] = asked["questions"]  # type: ignore[misc]
    assert [row["text"] for row in question["rows"]][:2] == ["Blue", "Green"]
    assert (asked["policy"]["kind"], asked["chosen"]) == ("decision", [])  # type: ignore[index]
    assert told(crew, "answer-dialog", window, "--choose", "Green")["chosen"] == ["Green"]
    given = told(crew, "send-agent", window, "--task", "Now this. [[think 60]]", "--pr", "12")
    assert (given["pr_number"], given["window"]) == ("12", window)
    stopped = told(crew, "interrupt-agent", window, "--kill")
    assert (stopped["killed"], stopped["pane_id"]) == (True, record["pane_id"])
    assert told(crew, "rescue-agent", "--all") == []
    recycled = told(crew, "recycle-agent", window, "--force")
    assert (recycled["worktree_path"], recycled["recycled_before"]) == (record["worktree_path"], False)
    assert told(crew, "recycle-agent", window)["recycled_before"] is True
    assert told(crew, "release-agent", window)["released"] is True
    assert said(crew, "find-spare").split()[1] == "spare/1"
