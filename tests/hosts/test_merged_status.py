"""``status`` tells of the agents on other hosts by what was last heard of them; no host can delay it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fleetscripts.config import Settings, load_settings
from fleetscripts.core.hosts.mirror import Mirror, taken
from fleetscripts.core.hosts.wire import Event, Snapshot
from fleetscripts.services.hosts.mirrors import LINK, read_mirror, this_moment, write_mirror
from fleetscripts.services.hosts.registry import Host, keep
from tests.conftest import RunScript
from tests.places import TmuxServer

RECORD = {
    "window": "fleet:1",
    "worktree": "worktree-1",
    "branch": "task/one",
    "state": "running",
    "objective": "Do it.",
}


@pytest.fixture
def settings(run_script: RunScript, tmux_server: TmuxServer) -> Settings:
    """Of a fleet with no agents here."""
    tmux_server.new_session()
    found = load_settings(os.environ)
    found.state_file.write_text('{"agents": []}', encoding="utf-8")
    found.state_file.chmod(0o600)
    return found


def _host(settings: Settings, name: str, records: Mapping[str, Mapping[str, Any]], heard_seconds_ago: float) -> Host:
    """A host of which we know these records, and whose link last heard of it so long ago."""
    host = keep(settings, Host(name, f"{name}.example", added_at=time.time()))
    now = this_moment()
    mirror = taken(Mirror(), Snapshot(1, 1, tuple(records)), now.steady)
    for number, (agent, record) in enumerate(records.items(), 2):
        mirror = taken(mirror, Event(1, number, agent, {**record, "id": agent}), now.steady)
    files = host.files(settings)
    write_mirror(files, mirror)
    steady, wall = now.steady - heard_seconds_ago, now.wall - heard_seconds_ago
    heard = {"heard_boot": now.boot, "heard_steady": steady, "heard_wall": wall}
    files.note(LINK, {"online": heard_seconds_ago < 30, "problem": "timed out", "pid": 1, **heard})
    return host


def test_agents_of_every_host_stand_in_one_table_under_names_that_calls_understand(
    settings: Settings, run_script: RunScript
) -> None:
    _host(settings, "alpha", {"abcde": RECORD}, 1)
    _host(settings, "beta", {"abcde": {**RECORD, "state": "escalated", "escalation": {"reason": "stuck", "at": 5}}}, 1)
    shown = run_script("status").stdout
    assert "alpha/fleet:1" in shown
    assert "beta/worktree-1" in shown
    assert "unreachable" not in shown
    assert shown.startswith("fleet active: 1 escalated, 1 running (2 on other machines)\n")
    assert "escalated" in shown.splitlines()[4]
    listed = json.loads(run_script("status", "--json").stdout)
    assert [(host["name"], host["reachable"], len(host["agents"])) for host in listed["hosts"]] == [
        ("alpha", True, 1),
        ("beta", True, 1),
    ]
    assert listed["hosts"][0]["agents"][0]["window"] == "alpha/fleet:1"
    assert "alpha" not in run_script("status", "--here").stdout


def test_rows_of_a_host_that_is_not_heard_stay_dimmed_and_say_since_when(
    settings: Settings, run_script: RunScript
) -> None:
    _host(settings, "alpha", {"abcde": RECORD}, 245)
    shown = run_script("status", "--color", "always").stdout
    line = next(line for line in shown.splitlines() if "alpha/fleet:1" in line)
    assert "unreachable 4m" in line
    assert "\x1b[2m" in line
    assert "hosts: alpha unreachable 4m (timed out)" in shown
    (host,) = json.loads(run_script("status", "--json").stdout)["hosts"]
    assert (host["reachable"], host["problem"]) == (False, "timed out")
    assert 240 < host["heard_seconds_ago"] < 300


def test_a_call_for_an_agent_on_a_host_that_is_not_heard_is_refused_and_nothing_is_begun_here(
    settings: Settings, run_script: RunScript
) -> None:
    _host(settings, "alpha", {"abcde": RECORD}, 245)
    for call in (["show"], ["send-agent", "x"], ["recycle-agent"], ["verify-complete"], ["test-queue", "add"]):
        name, *rest = call
        words = [*rest, "alpha/fleet:1"] if name == "test-queue" else ["alpha/fleet:1", *rest]
        done = run_script(name, *words)
        assert done.returncode == 3, (call, done.stdout, done.stderr)
        assert "alpha" in done.stderr
    review = run_script("spawn-agent", "--role", "review", "--of", "alpha/fleet:1")
    assert (review.returncode, "alpha" in review.stderr) == (3, True), review.stderr


def test_one_call_names_agents_of_one_machine(settings: Settings, run_script: RunScript) -> None:
    _host(settings, "alpha", {"abcde": RECORD}, 1)
    for words in (["show", "gamma/fleet:1"], ["verify-complete", "gamma/worktree-1"], ["classify-pane", "gamma/%5"]):
        done = run_script(*words)
        assert (done.returncode, "no host 'gamma': there are alpha" in done.stderr) == (2, True), done


def test_a_session_whose_name_has_a_slash_is_no_host(
    settings: Settings, run_script: RunScript, tmux_server: TmuxServer
) -> None:
    _host(settings, "alpha", {"abcde": RECORD}, 1)
    tmux_server.new_session("gamma/x")
    assert json.loads(run_script("classify-pane", "gamma/x:0").stdout)["state"] != "missing"


def test_a_host_whose_loop_is_missing_is_told_of_while_agents_are_at_work_there(
    settings: Settings, run_script: RunScript
) -> None:
    def told(name: str, loop_runs: object, heard_seconds_ago: float = 1, state: str = "running") -> None:
        host = _host(settings, name, {"abcde": {**RECORD, "state": state}}, heard_seconds_ago)
        mirror = read_mirror(host.files(settings))[0]
        write_mirror(host.files(settings), replace(mirror, facts={"loop_runs": loop_runs}))

    told("alpha", False)
    told("beta", True)
    told("gamma", False, heard_seconds_ago=245)
    told("delta", False, state="done")
    shown = run_script("status").stdout.splitlines()
    assert shown[0] == "fleet active: 3 running, 1 done (4 on other machines)"
    assert shown[-1] == "next: run-loop --window --host alpha: its agents are not monitored"
    assert run_script("status", "--brief").stdout.splitlines()[-1] == shown[-1]
    recovered = run_script("startup-recovery").stdout.splitlines()
    assert "alpha is linked: 1 agent at work there, no loop runs there" in recovered
    assert "gamma is unreachable 4m (timed out), as last heard: 1 agent at work there" in recovered
    assert recovered[-1] == "next: run-loop --window --host alpha; heartbeat"
    assert "(1 done, 3 running)" in run_script("wait-event", "--timeout", "0").stdout
    line = next(line for line in shown if line.startswith("hosts: "))
    assert "alpha linked, no loop runs there" in line
    assert line.count("no loop") == 1
    listed = json.loads(run_script("status", "--json").stdout)["hosts"]
    assert {host["name"]: host["loop_running"] for host in listed} == {
        "alpha": False, "beta": True, "gamma": None, "delta": False,
    }  # fmt: skip
    proposals = json.loads(run_script("heartbeat", "--json", timeout=120).stdout)["proposals"]
    (item,) = [one for one in proposals if one["kind"] == "loop"]
    assert item["what"] == "alpha: no loop runs there, so nothing is recovered or verified between heartbeats"
    assert item["next"] == ["run-loop --window --host alpha"]
    assert "no loop" not in run_script("heartbeat", "--here").stdout
