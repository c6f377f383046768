"""Calls that a report prints of an agent on another machine mean that agent, also where one of ours is called alike."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.host_home import playground_of, tmux
from fleetscripts.practice.playground import Playground
from tests.conftest import RunScript
from tests.hosts.linked import LinkedHost
from tests.places import TmuxServer, environment
from tests.waiting import wait_until

MakeLinked = Callable[..., LinkedHost]
OBJECTIVE = "Ask. [[ask Which colour?|Blue|Green]] [[say thanks]]"
SPAWN = ["--session", "fleet", "--agent", "practice", "--branch", "task/one", "--objective", OBJECTIVE]


def _calls(text: str, host: str) -> list[str]:
    """What stands after arrows below the host's name."""
    below = text.partition(f"{host}:\n")[2]
    return [line.partition("→ ")[2] for line in below.splitlines() if line.lstrip().startswith("→ ")]


class TwoMachines:
    """One agent here and one on alpha, in worktrees of the same name, at the same question."""

    def __init__(self, alpha: LinkedHost, run_script: RunScript, here: TmuxServer, pane: str) -> None:
        self.alpha, self.run_script, self.here, self.pane = alpha, run_script, here, pane
        self.before = self.own()

    def own(self) -> Mapping[str, Any]:
        """What must not change: our agent's record, without what a look changes."""
        (agent,) = json.loads(self.alpha.settings.state_file.read_text())["agents"]
        return {name: agent.get(name) for name in ("id", "window", "worktree", "state", "hold", "branch", "objective")}

    def heartbeat(self, *flags: str) -> str:
        return self.run_script("heartbeat", *flags, timeout=90).stdout

    def called(self, line: str, code: int = 0) -> str:
        """Type a printed call; its output."""
        name, *words = shlex.split(line)
        done = self.run_script(name, *words, timeout=120)
        assert done.returncode == code, (line, done.stdout, done.stderr)
        assert self.own() == self.before, line
        assert "Which colour?" in self.here.screen(self.pane), line
        return done.stdout + done.stderr

    def offered(self, command: str) -> str:
        """The call of that command which heartbeat prints for alpha; all others name alpha too, also as JSON."""

        def found() -> list[str]:
            self.printed = self.heartbeat()
            calls = _calls(self.printed, "alpha")
            assert all("alpha" in shlex.split(call)[1].split("/") or "--host alpha" in call for call in calls), calls
            return [call for call in calls if call.startswith(f"{command} ")]

        line: str = wait_until(found, 60, lambda: self.printed)[0]
        said = json.loads(self.heartbeat("--json"))["hosts"]["alpha"]
        listed = [call for part in ("decisions", "proposals") for item in said[part] for call in item.get("next", ())]
        assert line in listed, said
        return line


@pytest.fixture
def machines(
    make_linked: MakeLinked,
    run_script: RunScript,
    tmux_server: TmuxServer,
    short_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TwoMachines:
    alpha = make_linked()
    monkeypatch.setenv("PATH", alpha.there.variables["PATH"].partition(":")[0], prepend=":")  # the practice client
    alpha.put()
    alpha.begin()
    alpha.there.variables = {**alpha.there.variables, "FLEET_TMUX_SOCKET": "there"}
    repository = str(playground_of(alpha.there, 1).repository)
    tmux(alpha.there, "-L", "there", "-f", "/dev/null", "new-session", "-d", "-s", "fleet", "-x", "120", "-y", "40")
    begun = run_script("spawn-agent", "--host", "alpha", "--repo", repository, *SPAWN, timeout=120)
    assert (begun.returncode, begun.stdout) == (0, "alpha/fleet:1\n"), begun.stderr

    tmux_server.new_session()
    own = Playground(short_folder / "own")
    own.build(1, environment())
    begun = run_script("spawn-agent", "--repo", own.repository, *SPAWN, timeout=120)
    assert (begun.returncode, begun.stdout) == (0, "fleet:1\n"), begun.stderr
    pane = tmux_server.run("list-panes", "-t", "=fleet:1", "-F", "#{pane_id}").strip()
    wait_until(lambda: "Which colour?" in tmux_server.screen(pane))
    wait_until(lambda: json.loads(run_script("poll-cycle").stdout or "[]"), 30)
    return TwoMachines(alpha, run_script, tmux_server, pane)


def _worktrees(agents: Sequence[Any]) -> list[str]:
    return [agent.worktree for agent in agents]


def test_each_printed_call_means_the_agent_there_and_leaves_ours_alone(machines: TwoMachines) -> None:
    alpha = machines.alpha
    assert _worktrees(alpha.view().fleet.agents) == [machines.before["worktree"]] == ["worktree-1"]

    wait_until(lambda: alpha.view().facts.get("loop_runs") is False)
    begin = "run-loop --window --host alpha"
    assert f"    → {begin}" in machines.heartbeat().splitlines()
    assert machines.called(begin) == "alpha/fleet:2\n"  # the state file was there before its first agent
    wait_until(lambda: alpha.view().facts.get("loop_runs"), 5)
    assert begin not in machines.heartbeat()

    answer = machines.offered("answer-dialog")
    machines.called(answer.replace("ROW", "Blue"))
    wait_until(lambda: "thanks" in machines.run_script("show", "alpha/worktree-1").stdout)

    machines.called("update-agent alpha/worktree-1 state=pending_evaluation")
    page = machines.called(machines.offered("evaluate"))
    assert "`evaluate alpha/worktree-1 --pass" in page
    assert "Evaluation of alpha/fleet:1 (alpha/worktree-1)" in page
    members = json.loads(alpha.state_file.read_text())
    (judged,) = members.pop("agents")
    alpha.put({**judged, "state": "done"}, **members)
    machines.called(f"{machines.offered('recycle-agent')} --force")
    wait_until(lambda: {str(one.state) for one in alpha.view().fleet.agents} <= {"recycled"})
