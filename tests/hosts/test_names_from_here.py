"""What a host says of its agents holds here: each call means its agent, never one of ours that is called alike."""

from __future__ import annotations

import ast
import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.hosts.names_from_here import (
    HostNames,
    call_from_here,
    names_on,
    text_from_here,
)
from fleetscripts.core.hosts.printed_from_here import members_from_here, printed_from_here
from fleetscripts.core.hosts.remote_calls import CALLABLE, NAMING
from fleetscripts.core.planning.actions import ACTIONS
from fleetscripts.core.records.sanitize import fenced
from fleetscripts.core.reports.table import table
from fleetscripts.fleet import Agent
from fleetscripts.invocation import spelled
from tests.places import BUNDLE

NAMES = names_on(
    "alpha",
    [Agent("fleet:1", "worktree-1", id="a1b2"), Agent("fleet:11", "main"), Agent("fleet:12", "my tree", pane_id="%3")],
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fleet:1 has it", "alpha/fleet:1 has it"),
        ("(fleet:1)", "(alpha/fleet:1)"),
        ("fleet:11 and fleet:1", "alpha/fleet:11 and alpha/fleet:1"),
        ("my-fleet:1 fleet:1.2 fleet:1/x alpha/fleet:1", "my-fleet:1 fleet:1.2 fleet:1/x alpha/fleet:1"),
        ("send-agent fleet:1: refused", "send-agent alpha/fleet:1: refused"),
        ("fleet:1 (worktree-1): done", "alpha/fleet:1 (alpha/worktree-1): done"),
        ("no agent 'x'; there are: worktree-1, main", "no agent 'x'; there are: alpha/worktree-1, alpha/main"),
        ("done (worktree worktree-1, branch worktree-1)", "done (worktree alpha/worktree-1, branch worktree-1)"),
        ("    → recycle-agent worktree-1", "    → recycle-agent alpha/worktree-1"),
        ("    → send-agent 'my tree' \"go on\"", "    → send-agent 'alpha/my tree' \"go on\""),
        ("    → answer-dialog worktree-1 --choose \"ROW\"", "    → answer-dialog alpha/worktree-1 --choose \"ROW\""),
        ("    → adopt-agent %7", "    → adopt-agent alpha/%7"),
        ("    → heartbeat --mine %7", "    → heartbeat --mine alpha/%7"),
        ("    → tasks dispatch", "    → tasks --host alpha dispatch"),
        ("    → capacity", "    → capacity --host alpha"),
        ("    → update-agent --top active=true", "    → update-agent --host alpha --top active=true"),
        ("    → run-loop --window --host alpha", "    → run-loop --window --host alpha"),
        ('`evaluate main --pass "why"` when it does', '`evaluate alpha/main --pass "why"` when it does'),
        ("/there/scripts/evaluate main shows what it did", "evaluate alpha/main shows what it did"),
        ("no agent: fleet-show worktree-1", "no agent: show alpha/worktree-1"),
        ("its branch: update-agent WINDOW branch=NAME", "its branch: update-agent alpha/WINDOW branch=NAME"),
        ("spawn-agent --role review --of main", "spawn-agent --role review --of alpha/main"),
        ("spawn-agent --branch main", "spawn-agent --host alpha --branch main"),
        ("test-queue done main", "test-queue done alpha/main"),
        ("balance --allow main allows another", "balance --allow alpha/main allows another"),
        ("balance --allow fleet allows another", "balance --host alpha --allow fleet allows another"),
        ("balance --allow day there allows another", "balance --allow day there allows another"),
        ("restore-agent --all brings them back", "restore-agent --host alpha --all brings them back"),
        ("capacity: not a git repository", "capacity: not a git repository"),
        ("recycle-agent: main: is at work", "recycle-agent: alpha/main: is at work"),
        ("the status is red, its tasks wait, main was merged", "the status is red, its tasks wait, main was merged"),
        ("  | recycle-agent worktree-1", "  | recycle-agent worktree-1"),
        (fenced("recycle-agent main\nfleet:1"), fenced("recycle-agent main\nfleet:1")),
    ],
)  # fmt: skip
def test_calls_and_names_there_are_told_with_their_host(text: str, shown: str) -> None:
    assert text_from_here(text, NAMES) == shown
    assert text_from_here(shown, NAMES) == shown  # told twice, it stays


def test_printed_json_names_agents_from_here_and_keeps_evidence() -> None:
    said = {
        "window": "fleet:1", "pane_id": "%3", "worktree": "main", "id": "a1b2", "branch": "main",
        "next": ["evaluate main", "heartbeat"], "what": "fleet:1 is done: recycle-agent main",
        "screen": ["recycle-agent main"], "threads": [{"id": "PRRT_1"}], "at": 5,
    }  # fmt: skip
    assert json.loads(printed_from_here(json.dumps(said), NAMES, as_json=True)) == {
        "window": "alpha/fleet:1", "pane_id": "alpha/%3", "worktree": "alpha/main", "id": "alpha/a1b2",
        "branch": "main", "next": ["evaluate alpha/main", "heartbeat --host alpha"],
        "what": "alpha/fleet:1 is done: recycle-agent alpha/main",
        "screen": ["recycle-agent main"], "threads": [{"id": "PRRT_1"}], "at": 5,
    }  # fmt: skip
    assert members_from_here(members_from_here(said, NAMES), NAMES) == members_from_here(said, NAMES)


def _unhosted(text: str, names: HostNames) -> list[str]:
    """Words of the text after a command's name that name an agent without its host."""
    found = []
    for line in text.splitlines():
        words = line.replace("`", " ").split(" ")
        for at, word in enumerate(words):
            if word.rpartition("/")[2] in NAMING and words[at + 1 : at + 2]:
                rest = [one.strip("'\"),.:;") for one in words[at + 1 : at + 3]]
                found += [one for one in rest if one in names.handles | names.windows]
    return found


FILLED = "worktree-1"


def _printed_in(source: Path) -> Iterator[str]:
    """Every text of a module that holds a call, with the agent's name in its place."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr) and "spelled" in (text := ast.unparse(node)) and "gent" in text:
            yield "".join(map(_part, node.values))


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    said = ast.unparse(node)
    if "spelled(" in said:
        return next(str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant))
    return FILLED if "handle" in said else "x"


def test_every_call_that_our_own_code_prints_of_an_agent_is_told_with_the_host() -> None:
    names = names_on("alpha", [Agent("fleet:1", FILLED)])
    sources = (BUNDLE / "fleetscripts").rglob("*.py")
    printed = [text for source in sources for text in _printed_in(source) if FILLED in text]
    printed += [call.format(agent=FILLED) for row in ACTIONS for call in row.calls]
    assert len(printed) > 25
    assert [text for text in printed if _unhosted(text, names)] != []
    assert [text for text in printed if _unhosted(text_from_here(text, names), names)] == []


NAME = st.from_regex(r"[a-z][a-z0-9_-]{0,12}( [a-z]{1,4})?", fullmatch=True).filter(lambda one: one not in CALLABLE)
WORDS = st.lists(st.from_regex(r"[a-z][a-z,.]{0,7}", fullmatch=True), max_size=4).map(" ".join)
FORMS = st.sampled_from(["{}", "    → {}", "`{}`", "of it ({})", "it waits; {} goes on", "next: {} shows it", '"{}"'])


@given(
    st.sampled_from(sorted(NAMING)), NAME, st.sampled_from(["", "--force ", "--of ", "--allow ", "done "]), WORDS, FORMS
)
def test_no_call_in_a_text_of_a_host_names_an_agent_without_its_host(
    command: str, name: str, before: str, after: str, form: str
) -> None:
    names = names_on("alpha", [Agent("fleet:1", name)])
    call = f"{spelled(command)} {before}{shlex.quote(name)} {after}".rstrip()
    wanted = f"{spelled(command)} {before}{shlex.quote(f'alpha/{name}')}"
    assert wanted in text_from_here(form.format(call), names)
    assert call_from_here(call, names).startswith(wanted)
    assert wanted in members_from_here({"next": [call]}, names)["next"][0]


def test_tables_stay_aligned() -> None:
    rows = [("STANDING", "WORKTREE", "WHY", "PATH"), ("in use", "main", "fleet:11", "/a"), ("free", "x", "-", "/b")]
    shown = "\n".join(["1 free, 1 in use", *table(rows), "", "fleet:1  is at work"])
    longer = [[cell.replace("fleet:11", "alpha/fleet:11") for cell in row] for row in rows]
    assert text_from_here(shown, NAMES).splitlines() == [
        "1 free, 1 in use", *table(longer), "", "alpha/fleet:1  is at work",
    ]  # fmt: skip


@pytest.mark.parametrize("piece", [":a/", "evaluate '", "fleet:1", "evaluate ')", "A  B "])
def test_a_hostile_text_is_read_in_time_that_grows_with_its_length_alone(piece: str) -> None:
    began = time.process_time()
    text_from_here(piece * 20_000, NAMES)
    assert time.process_time() - began < 10  # half a minute where each place looks at all before it
