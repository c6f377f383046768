"""stop-fleet, as it is called: the loop and its window go, everything else stays; with --when-done only at the end."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.tmux.tmux import Tmux
from tests.conftest import RunScript
from tests.fake_github.hub import Branches, Work, branches
from tests.places import TmuxServer
from tests.queue_place import MAIN, in_process
from tests.waiting import wait_until

AGENT = {"window": "fleet:0", "worktree": "tree-1", "branch": "feat/x", "state": "running", "spawned_at": 5}


@pytest.fixture
def run_script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunScript:
    return in_process(capsys, monkeypatch)


def state(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "state.json").read_text()))


def write(home: Path, *agents: Mapping[str, Any], **top: Any) -> None:
    (home / "state.json").write_text(json.dumps({"tmux_session": "fleet", **top, "agents": list(agents)}))


def server_of(tmux_server: TmuxServer) -> dict[str, Any]:
    server = Tmux(tmux_server.socket).server()
    assert server is not None
    return {"socket": server.socket, "pid": server.pid, "start_time": server.start_time}


def panes(tmux_server: TmuxServer) -> set[str]:
    return set(tmux_server.run("list-panes", "-a", "-F", "#{pane_id}").split())


def test_the_loop_ends_and_its_window_goes_while_agents_stay(
    tmux_server: TmuxServer, run_script: RunScript, home: Path
) -> None:
    agent = tmux_server.new_session(command=["sleep", "600"])
    write(home, AGENT | {"pane_id": agent, "tmux_server": server_of(tmux_server)}, AGENT | {"state": "recycled"})
    opened = run_script("run-loop", "--window")
    assert opened.returncode == 0, opened.stderr
    loop = state(home)["loop_pane_id"]
    assert loop in panes(tmux_server)

    done = run_script("stop-fleet")
    assert done.returncode == 0, done.stderr
    first, title, _headings, *rows = done.stdout.splitlines()
    assert first == f"the fleet is stopped; the loop has ended; its window {opened.stdout.strip()} is closed"
    assert title == "left as they are:"
    assert [row.split() for row in rows] == [["fleet:0", "running", "tree-1", "feat/x", "-", "sleep"]]
    assert panes(tmux_server) == {agent}
    after = state(home)
    assert (after["active"], after["loop_window"], after["agents"][0]["state"]) == (False, None, "running")

    again = run_script("stop-fleet", "--json")
    said = json.loads(again.stdout)
    assert said["loop"] == {"ended": True, "window": "", "said": "no loop was running"}
    assert [(known["window"], known["pane_cmd"]) for known in said["agents"]] == [("fleet:0", "sleep")]


@pytest.mark.parametrize(("name", "stays"), [("mine", True), ("orchestrator", False)])
def test_of_a_shell_in_which_the_loop_was_called_only_the_loops_own_window_goes(
    tmux_server: TmuxServer, run_script: RunScript, home: Path, name: str, stays: bool
) -> None:
    tmux_server.new_session(command=["sleep", "600"])
    write(home)
    argv = ["sh", "-c", '"$@"; exec sh', "sh", sys.executable, "-I", MAIN, "run-loop"]
    pane = tmux_server.new_window(command=argv)
    tmux_server.run("rename-window", "-t", pane, name)
    wait_until(lambda: state(home).get("loop_pane_id") == pane, 20, "the loop")
    done = run_script("stop-fleet")
    assert done.returncode == 0, done.stderr
    assert ("which the loop did not start" in done.stdout) == stays
    assert (pane in panes(tmux_server)) == stays


@pytest.mark.parametrize("case", ["own", "shared", "other server", "abandoned"])
def test_no_window_is_closed_that_is_not_provably_the_loops(
    tmux_server: TmuxServer, run_script: RunScript, home: Path, case: str
) -> None:
    tmux_server.new_session(command=["sleep", "600"])
    pane = tmux_server.new_window(command=["sh", "-i"])
    tmux_server.run("rename-window", "-t", pane, "orchestrator")
    server = server_of(tmux_server)
    environment: dict[str, str | None] = {}
    if case == "own":
        environment = {"TMUX": f"{server['socket']},{server['pid']},0", "TMUX_PANE": pane}
    if case == "shared":
        tmux_server.run("split-window", "-d", "-t", pane, "sleep", "600")
    if case == "other server":
        server["start_time"] -= 1
    write(home, loop_window="fleet:1", loop_pane_id=pane, loop_tmux_server=server)
    done = run_script("stop-fleet", "--wait", "0", env=environment)
    assert done.returncode == 0, done.stderr
    expected = {
        "own": "is left: this command runs in it",
        "shared": "is left: it has other panes",
        "other server": "no loop was running\n",
        "abandoned": "its window fleet:1 is closed",
    }
    assert expected[case] in done.stdout
    assert (pane in panes(tmux_server)) == (case != "abandoned")
    assert state(home)["active"] is False


@pytest.mark.parametrize(
    ("agents", "seen_at", "code", "says"),
    [
        ([], 0, 0, "no agents are recorded"),
        ([{"state": "recycled"}], 0, 0, "no agents are recorded"),
        ([{"state": "done"}], 0, 0, "left as they are"),
        ([{"state": "running"}], 0, 3, "it is running, neither done nor escalated"),
        ([{"state": "complete"}], 0, 3, "it is complete, neither done nor escalated"),
        ([{"state": "pending_evaluation"}], 0, 3, "it waits for evaluation"),
        ([{"state": "escalated", "escalated_at": 50, "escalation": "a question"}], 49, 3, "escalated (a question)"),
        ([{"state": "escalated", "escalated_at": 50}], 50, 0, "left as they are"),
        ([{"state": "done"}, {"state": "running", "window": "fleet:4"}], 0, 3, "fleet:4 (tree-1): it is running"),
    ],
)
def test_when_done_waits_for_every_agent_and_for_somebody_to_see_what_was_escalated(
    run_script: RunScript, home: Path, agents: list[dict[str, Any]], seen_at: int, code: int, says: str
) -> None:
    write(home, *(AGENT | agent for agent in agents), orchestrator_seen_at=seen_at)
    done = run_script("stop-fleet", "--when-done", env={"FLEET_TMUX_SOCKET": "nobody"})
    assert (done.returncode, done.stderr) == (code, "")
    assert says in done.stdout
    assert state(home).get("active", True) is (code != 0)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Branches:
    """Made once: no test changes it."""
    return branches(tmp_path_factory.mktemp("hub") / "git", 2)


@pytest.fixture
def work(pushed: Branches, home: Path, tmp_path: Path) -> Work:
    """Two agents done, each with a pull request."""
    if shutil.which("gh") is None:
        pytest.skip("gh is not installed")
    made = pushed.work(home, tmp_path / "gh.sock")
    made.record(state="done")
    return made


SLOW = {"checks": [{"name": "slow", "status": "IN_PROGRESS"}]}
OPEN = {"threads": [{"resolved": False, "path": "src/a.py", "line": 3}]}
ASKED = {"reviews": [{"author": "ann", "state": "CHANGES_REQUESTED", "commit": "feat/2", "at": 300}]}
RED = {"checks": [{"name": "flaky", "conclusion": "FAILURE"}]}


@pytest.mark.parametrize(
    ("situation", "code", "says"),
    [
        ({}, 0, "the fleet is stopped"),
        (SLOW, 8, "pending fleet:2 (spare-2): checks: 1 of 1 not finished: slow"),
        (OPEN, 3, "fail    fleet:2 (spare-2): threads: 1 of 1 unresolved: src/a.py:3"),
        (ASKED, 3, "fail    fleet:2 (spare-2): reviews: changes requested by ann"),
        (RED, 3, "fail    fleet:2 (spare-2): checks: 1 of 1 failed: flaky"),
        ({"pull": {"state": "MERGED", "merged": 300, "head": "0" * 40}}, 0, "the fleet is stopped"),
    ],
    ids=["good", "slow", "thread", "review", "red", "merged"],
)
def test_when_done_asks_github_for_all_pull_requests_at_once(
    work: Work, run_script: RunScript, situation: dict[str, Any], code: int, says: str
) -> None:
    with work.serve({11: {}, 12: situation}) as world:
        done = run_script("stop-fleet", "--when-done", env={**work.environment, "FLEET_TMUX_SOCKET": "nobody"})
    assert (done.returncode, done.stderr) == (code, "")
    assert says in done.stdout
    assert world.requests == 1


def test_a_gate_that_was_accepted_at_the_evaluation_does_not_stand_in_the_way(
    work: Work, run_script: RunScript, home: Path
) -> None:
    environment = {**work.environment, "FLEET_TMUX_SOCKET": "nobody"}
    with work.serve({11: {}, 12: RED}):
        assert run_script("stop-fleet", "--when-done", env=environment).returncode == 3
        Journal(home / "fleet" / "events.jsonl").write("override", window="fleet:2", why="flaky", gate="checks")
        done = run_script("stop-fleet", "--when-done", "--json", env=environment)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["stopped"] is True


def test_a_pull_request_that_waits_for_its_test_is_waited_for(work: Work, run_script: RunScript) -> None:
    environment = {**work.environment, "FLEET_TMUX_SOCKET": "nobody"}
    with work.serve({11: {}, 12: {}}):
        run_script("test-queue", "add", "fleet:1", env=environment)
        run_script("test-queue", "add", "fleet:2", env=environment)
        run_script("test-queue", "next", env=environment)
        done = run_script("stop-fleet", "--when-done", env=environment)
    assert done.returncode == 8, done.stdout
    assert [line.split(": ", 1)[1] for line in done.stdout.splitlines()[1:]] == [
        "acme/widget#11 is under test",
        "acme/widget#12 waits for its test (or: test-queue drop)",
    ]


@pytest.mark.parametrize("flag", ["--once", "--window", "--poll"])
def test_no_loop_begins_on_a_stopped_fleet_and_the_way_back_is_told(
    run_script: RunScript, home: Path, flag: str
) -> None:
    write(home, AGENT, active=False)
    refused = run_script("run-loop", flag)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr == ("run-loop: the fleet is stopped: update-agent --top active=true starts it again\n")
    assert run_script("update-agent", "--top", "active=true").returncode == 0
    assert state(home)["active"]
    assert run_script("run-loop", "--once", "--window").returncode == 2


def test_a_heartbeat_says_that_a_stopped_fleet_is_not_repaired(run_script: RunScript, home: Path) -> None:
    write(home, AGENT, active=False)
    found = run_script("heartbeat")
    assert "the fleet is stopped, nothing is repaired: start it again" in found.stdout
    assert "→ update-agent --top active=true" in found.stdout
    write(home, AGENT | {"state": "done"}, active=False)
    assert "the fleet is stopped" not in run_script("heartbeat").stdout


def test_when_github_cannot_be_asked_nothing_is_stopped(work: Work, run_script: RunScript, home: Path) -> None:
    done = run_script("stop-fleet", "--when-done", "--json", env=work.environment)
    assert done.returncode == 1, done.stdout
    said = json.loads(done.stdout)
    assert [thing["status"] for thing in said["in_the_way"]] == ["unknown", "unknown"]
    assert state(home).get("active", True) is True
