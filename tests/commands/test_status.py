"""Status shows records beside panes, harmlessly, without secrets; an agent finds itself."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.commands.status import coloured, main
from fleetscripts.core.records.sanitize import fit, sanitize, width
from fleetscripts.core.reports.status_text import age
from fleetscripts.core.reports.table import table
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.record import Escalation, LastLook, Verdict
from tests.conftest import RunScript
from tests.places import BUNDLE, TmuxServer
from tests.records import changed
from tests.waiting import wait_until


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home / "state.json")


def test_records_stand_beside_what_their_panes_run(
    tmux_server: TmuxServer, store: Store, run_script: RunScript
) -> None:
    pane = tmux_server.new_session(command=["sleep", "600"])
    tmux = Tmux(tmux_server.socket)
    facts = tmux.resolve(pane)
    assert facts is not None
    live = Agent("old:9", "tree-1", "/t1", branch="feat/漢字", steps=("a", "b"), checkpoints=("a",), objective="Do it")
    gone = Agent(
        "fleet:7",
        "tree-2",
        "/t2",
        branch="b",
        state=AgentState.ESCALATED,
        escalation=Escalation(reason="why \x1b[31mso"),
    )
    fleet = Fleet(tmux_session="fleet", agents=(live.at(facts, tmux.server()), gone), discord_webhook="https://s3cr3t/")
    store.update(lambda _: fleet, create=Fleet())

    plain = run_script("status")
    assert plain.returncode == 0, plain.stderr
    lines = plain.stdout.splitlines()
    assert lines[0] == "fleet active: session fleet, 1 escalated, 1 running"
    assert lines[1] == "loop not running"
    assert lines[2].split() == ["WINDOW", "STATE", "FOR", "WORKTREE", "BRANCH", "STEPS", "COMMAND", "NOTE"]
    assert lines[3].split()[-4:] == ["-", "missing", "why", "so"], "who waits for somebody comes first"
    assert lines[4].split() == ["fleet:0", "running", "-", "tree-1", "feat/漢字", "1/2", "sleep", "Do", "it"]
    columns = [width(line[: line.index(word)]) for line, word in zip(lines[3:5], ("missing", "sleep"), strict=True)]
    assert columns[0] == columns[1]
    assert [line.partition(":")[0] for line in lines[5:]] == ["next"]
    assert "\x1b" not in plain.stdout

    shown = json.loads(run_script("status", "--json").stdout)
    assert [(agent["pane_cmd"], agent["pane_present"]) for agent in shown["agents"]] == [
        ("sleep", True),
        ("missing", False),
    ]
    assert "discord_webhook" not in shown
    assert shown["loop_running"] is False


def test_on_a_terminal_it_is_coloured_and_fits(tmux_server: TmuxServer, store: Store) -> None:
    store.update(lambda _: Fleet(agents=(Agent("s:1", "tree", objective="long " * 60),)), create=Fleet())
    pane = tmux_server.new_session(
        width=70, command=["sh", "-c", f"{_python()} {BUNDLE}/fleetscripts status; exec sleep 60"]
    )
    wait_until(lambda: "…" in tmux_server.screen(pane), what="the table")
    assert [line for line in tmux_server.screen(pane).splitlines() if line.startswith("s:1")]
    assert "\x1b[1m" in tmux_server.run("capture-pane", "-ep", "-t", pane)
    assert len([line for line in tmux_server.screen(pane).splitlines() if line.strip()]) == 5


@pytest.mark.parametrize(("columns", "kept"), [(120, "COMMAND"), (80, "PR"), (50, "NOTE"), (24, "STATE")])
def test_a_narrow_terminal_goes_without_columns_and_wraps_nothing(
    tmux_server: TmuxServer, store: Store, columns: int, kept: str
) -> None:
    agents = tuple(
        Agent(f"fleet:{n}", f"tree-{n}", branch="feat/branch-漢字-", objective="ไทยที่นี่ " * 30, account="private")
        for n in range(9)
    )
    agents = tuple(
        agent.changed(
            pr_number="105", verdict={"checks": "pass"}, steps=("a", "b"), state=AgentState.PENDING_EVALUATION
        )
        for agent in agents
    )
    store.update(lambda _: Fleet(agents=agents), create=Fleet())
    pane = tmux_server.new_session(
        width=columns, height=24, command=["sh", "-c", f"{_python()} {BUNDLE}/fleetscripts status; exec sleep 60"]
    )
    wait_until(lambda: "fleet:8" in tmux_server.screen(pane), what="the table")
    lines = [line for line in tmux_server.screen(pane).splitlines() if line.strip()]
    head = next(n for n, line in enumerate(lines) if line.startswith("WINDOW"))
    assert kept in lines[head]
    table, after = lines[head + 1 : head + 10], lines[head + 10 :]
    assert [line.split()[0] for line in table] == [f"fleet:{n}" for n in range(9)]
    assert all("fleet:" not in line[8:] and len(line) > columns - 16 for line in table)
    assert [line.split()[0] for line in after] == ["next:"]


@pytest.mark.parametrize(
    ("text", "columns"), [("ไทยที่นี่", 5), ("क्षि", 3), ("e\u0301\u20dd", 1), ("👨‍👩‍👧", 2), ("한", 2)]
)
def test_text_is_as_wide_as_tmux_draws_it(tmux_server: TmuxServer, text: str, columns: int) -> None:
    pane = tmux_server.new_session(command=["sh", "-c", f"printf %s {text}; exec sleep 60"])
    wait_until(lambda: tmux_server.show(pane, "#{cursor_x}") != "0", what="the text")
    assert (tmux_server.show(pane, "#{cursor_x}"), width(text)) == (str(columns), columns)


def _python() -> str:
    import sys

    return f"{sys.executable} -I"


def test_an_agent_finds_itself_by_its_pane(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    me = Agent("s:1", "tree", "/tree", "spare/1", "feat/x", "Line one\nline two", "12", steps=("a", "b"))
    me = changed(me, checkpoints=("a",), pane_id="%3", image_path="/tmp/i.png")
    store.update(lambda _: Fleet(agents=(me, Agent("s:2", pane_id="%4"))), create=Fleet())
    assert main(["--me"]) == 1
    assert "TMUX_PANE not set" in capsys.readouterr().err
    monkeypatch.setenv("TMUX_PANE", "%3")
    assert main(["--me"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert {"branch: feat/x", "pull request: 12", "checkpoints missing: b", "image: /tmp/i.png"} <= set(shown)
    assert shown[-3:] == ["objective:", "Line one", "line two"]
    assert main(["--me", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objective"] == "Line one\nline two"


def test_a_look_counts_unless_it_is_an_agents(store: Store, run_script: RunScript) -> None:
    store.update(lambda _: Fleet(agents=(Agent("s:1", pane_id="%3"),), orchestrator_called_at=5), create=Fleet())
    assert run_script("status", env={"TMUX_PANE": "%3"}).returncode == 0
    assert store.read().orchestrator_seen_at == 0
    run_script("status")
    assert time.time() - store.read().orchestrator_seen_at < 60
    assert store.read().orchestrator_called_at == 0


def test_without_a_state_file_or_with_a_damaged_one_it_says_so(home: Path, run_script: RunScript) -> None:
    missing = run_script("status")
    assert (missing.returncode, missing.stderr) == (
        1,
        f"status: no state file at {home}/state.json: spawn-agent creates it\n",
    )
    (home / "state.json").write_text('{"agents": [{"window": "a:1", "steps": "x"}]}')
    damaged = run_script("status")
    assert damaged.returncode == 1
    assert "agents[0].steps: expected a list of names, found text 'x'" in damaged.stderr


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h00"), (3 * 86400, "3d"), (-5, "-"), (2e9, "-")],
)
def test_ages_are_short(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


def test_hostile_text_is_harmless() -> None:
    assert sanitize("a\x1b]0;evil\x07b\x1b[2Jc\x9b31md\re\u202ef\u2066g\x00h\ti\n") == "abcd efgh i"
    assert (width("漢字"), fit("漢字漢字", 5)) == (4, "漢字…")
    assert table([("a", "漢"), ("bbb", "c")]) == ["a    漢", "bbb  c"]
    assert table([]) == []


def test_checks_account_wake_and_last_words_have_their_columns(store: Store, run_script: RunScript) -> None:
    now = time.time()
    checked = Agent(
        "s:1",
        "t1",
        pr_number="12",
        verdict=Verdict(checks="fail"),
        account="work",
        seen=LastLook(said="Tests \x1b[31mfail"),
    )
    alarm = Agent("s:3", "t3", seen=LastLook(pane_state="prompt", said="Later.", wakes_at=now + 1230))
    denied = Agent("s:4", "t4", seen=LastLook(pane_state="prompt", said="Tried.", denied="curl x | sh"))
    parked = Agent("s:2", "t2", state=AgentState.RATE_LIMITED, seen=LastLook(resets_at=now + 3600 * 2 + 90))
    store.update(lambda _: Fleet(agents=(checked, parked, alarm, denied)), create=Fleet())
    lines = run_script("status").stdout.splitlines()
    assert lines[2].split() == ["WINDOW", "STATE", "FOR", "WORKTREE", "BRANCH", "PR", "ACCOUNT", "COMMAND", "NOTE"]
    rows = {line.split()[0]: line for line in lines[3:7]}
    assert "#12 ✗  work" in rows["s:1"]
    assert rows["s:1"].endswith("Tests fail")
    assert rows["s:2"].endswith("wakes in 2h01")
    assert rows["s:3"].endswith("its own alarm wakes it in 20m")
    assert rows["s:4"].endswith("its client's safety check denied: curl x | sh")


def test_colour_is_by_choice_and_by_the_environment(store: Store, run_script: RunScript) -> None:
    store.update(lambda _: Fleet(agents=(Agent("s:1"),)), create=Fleet())
    assert "\x1b[" not in run_script("status").stdout
    assert "\x1b[32m" in run_script("status", "--color", "always").stdout
    assert "\x1b[" not in run_script("status", "--color", "never").stdout
    assert coloured("auto", True, {})
    assert not coloured("auto", True, {"NO_COLOR": "1"})
    assert not coloured("auto", True, {"TERM": "dumb"})
    assert not coloured("auto", False, {})
    assert coloured("always", False, {"NO_COLOR": "1"})


@pytest.mark.parametrize(
    "flags", [("--me", "--watch"), ("--output", "x"), ("--watch",), ("--timeline", "--since", "x")]
)
def test_flags_that_do_not_go_together_are_a_usage_error(
    store: Store, run_script: RunScript, flags: tuple[str, ...]
) -> None:
    store.update(lambda _: Fleet(), create=Fleet())
    assert run_script("status", *flags).returncode == 2
