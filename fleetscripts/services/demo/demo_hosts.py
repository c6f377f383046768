"""The demo on several machines: real sshd on loopback, each with a home, a repository, a tmux and a loop of its own."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetscripts.core.reports.table import table
from fleetscripts.errors import FleetError
from fleetscripts.own_folder import FLEET_HOME
from fleetscripts.practice.host_home import (
    SESSION,
    begin_session,
    end_session,
    environment_of,
    furnish,
    playground_of,
    tmux,
)
from fleetscripts.practice.install import NAME
from fleetscripts.practice.playground import Playground
from fleetscripts.practice.ssh_host import SshClient, SshHost
from fleetscripts.services.demo.demo_scripts import Scripts
from fleetscripts.services.demo.demo_tasks import LASTING

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon")
MOST_HOSTS = len(NAMES)
SPARES = 2
WATCH_SECONDS = 0.5
LONGEST_SECONDS = 180.0
SHARED = ("XDG_RUNTIME_DIR",)
"""Where links listen: the demo's are those of the person's shell."""

FINISHED = ("pending_evaluation", "done")

CONFIG = """\
idle_threshold_seconds = 3
nudge_cooldown_seconds = 3
notify_desktop = false
verify_command = "test -s README.md"
"""

OBJECTIVE = """\
Add {file} to the repository and check that it is there.
[[think {seconds}]] [[write {file} Made on one of several machines]] [[commit Add {file}]] [[push]]
[[checkpoint implement]] [[bash test -s {file}]] [[checkpoint test]] [[done]]"""


@dataclass(slots=True)
class Work:
    """One task and its agent."""

    branch: str
    file: str
    window: str = ""
    worktree: str = ""
    state: str = ""
    finished_seconds: float = 0.0


@dataclass(slots=True)
class DemoHosts:
    """One run: ``count`` hosts, two tasks for each. Raises FleetError if a step fails."""

    folder: Path
    count: int
    show: Callable[[str], None]
    hosts: list[SshHost] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Windows of agents that stay at work in the end."""
    began: float = field(default_factory=time.monotonic)

    @property
    def scripts(self) -> Scripts:
        """Our commands as run by the person who supervises all machines."""
        return Scripts(self.environment(), self.folder)

    def environment(self) -> dict[str, str]:
        """The central machine's, which has no agents of its own."""
        home = self.folder / "home"
        return {
            **environment_of(self.hosts[0]),
            "PATH": f"{self.client.bin}:{self.hosts[0].variables['PATH']}",
            "HOME": str(home),
            "TMUX_TMPDIR": str(self.folder),
            "FLEET_HOME": str(home / "fleet"),
            "ORCHESTRATOR_STATE_FILE": str(home / "state.json"),
            **{name: value for name in SHARED if (value := os.environ.get(name))},
        }

    def shell_variables(self) -> dict[str, str]:
        """What a person's shell needs for our scripts to be the central's. HOME stays what it is."""
        known = self.environment()
        return {name: known[name] for name in ("TMUX_TMPDIR", "FLEET_HOME", "ORCHESTRATOR_STATE_FILE")}

    @property
    def client(self) -> SshClient:
        return SshClient(self.folder / "client")

    def play(self) -> None:
        """Create the machines, add them, start the work, lose one and get it back, evaluate, and recycle."""
        self._build()
        self._add()
        self._spawn()
        self._begin_loops()
        lost = self.hosts[-1]
        self._lose(lost)
        self._find_again(lost)
        self._watch()
        self._settle()

    def linger(self) -> None:
        """Leave an agent at work on each machine, one of them with an open question."""
        calls = []
        for host, (branch, objective) in zip(self.hosts, itertools.cycle(LASTING), strict=False):
            words = ["--repo", str(host.folder / "git" / "repository"), "--agent", NAME, "--branch", branch]
            calls.append(["spawn-agent", "--host", host.name, *words, "--objective", objective])
        self.left = [said.strip() for said in self.scripts.all(calls)]
        for window in self.left:
            self._tell(f"{window} stays, to be looked at")

    def stop(self) -> None:
        """End everything on the machines, and their sshd."""
        if self.hosts:
            for host in self.hosts:
                self.scripts.ask("hosts", "remove", host.name, "--force")
        for host in self.hosts:
            end_session(host)
            host.stop()

    def summary(self) -> list[str]:
        """The table at the end."""
        rows = [(work.window, work.branch, f"{work.finished_seconds:.1f} s", work.worktree) for work in self.works]
        return table([("AGENT", "BRANCH", "FINISHED", "WORKTREE"), *rows])

    def _tell(self, text: str) -> None:
        self.show(f"{time.monotonic() - self.began:5.1f} s  {text}")

    def _build(self) -> None:
        self.client.create()
        (self.folder / "home").mkdir()
        first: Playground | None = None
        for name in NAMES[: self.count]:
            host = SshHost(self.folder / name, name)
            self.hosts.append(host)
            furnish(host)
            fleet_home = host.home / Path(FLEET_HOME).relative_to("~")
            fleet_home.mkdir(parents=True, mode=0o700)
            (fleet_home / "config.toml").write_text(CONFIG, encoding="utf-8")
            host.start(self.client.public_key)
            made = playground_of(host, SPARES, first.origin if first is not None else None)
            first = first or made
            begin_session(host, made.repository)
        self.client.knows(self.hosts)
        self._tell(f"{self.count} machines, each with sshd, tmux and {SPARES} spare worktrees, in {self.folder}")

    def _add(self) -> None:
        for host in self.hosts:
            self.scripts.must("hosts", "add", host.name, host.name)
            self._tell(f"hosts add {host.name}: our scripts are there, in a folder named by their content")

    def _spawn(self) -> None:
        calls = []
        for number in range(SPARES * self.count):
            work = Work(f"feat/part-{number + 1}", f"part-{number + 1}.txt")
            host = self.hosts[number % self.count]
            place = host.folder / "git" / "repository"
            objective = OBJECTIVE.format(file=work.file, seconds=6 + number)
            words = ["spawn-agent", "--host", host.name, "--session", SESSION, "--repo", str(place), "--agent", NAME]
            words += ["--branch", work.branch, "--objective", objective, "--step", "implement", "--step", "test"]
            self.works.append(work)
            calls.append(words)
        for work, said in zip(self.works, self.scripts.all(calls), strict=True):
            work.window = said.strip()
            self._tell(f"{work.window}  an agent begins {work.branch}")

    def _begin_loops(self) -> None:
        for host in self.hosts:
            there = Scripts(environment_of(host), host.home)
            loop = f"POLL_INTERVAL=1 POLL_IDLE_MAX=1 {shlex.join(there.argv('run-loop'))}"
            tmux(host, "new-window", "-d", "-t", f"={SESSION}:", "-n", "loop", loop)
        self._until(lambda: all(host["loop_running"] for host in self._hosts()), "the loops to be told of")
        self._tell("on each machine run-loop watches its own agents")

    def _lose(self, host: SshHost) -> None:
        """Stop the machine's sshd and cut its connections: its agents continue, unseen."""
        host.stop()
        self._until(lambda: not self._host(host)["reachable"], f"{host.name} to be told as unreachable")
        self._tell(f"{host.name} is unreachable; its agents work on, its rows stay:")
        for line in self.scripts.must("status").splitlines():
            self.show(f"           {line}")

    def _find_again(self, host: SshHost) -> None:
        host.start(self.client.public_key)
        self._until(lambda: self._host(host)["reachable"], f"{host.name} to be reached again")
        self._tell(f"{host.name} is reached again")

    def _watch(self) -> None:
        def all_finished() -> bool:
            agents = {agent["window"]: agent for host in self._hosts() for agent in host["agents"]}
            for work in self.works:
                self._look(work, agents.get(work.window, {}))
            return all(work.finished_seconds for work in self.works)

        self._until(all_finished, "all agents to finish")

    def _look(self, work: Work, agent: Mapping[str, Any]) -> None:
        state = str(agent.get("state", "unknown"))
        if state != work.state:
            work.state = state
            self._tell(f"{work.window}  {work.branch:12} {state}")
        if state == "escalated":
            raise FleetError(f"{work.branch} was escalated: {agent.get('escalation', {}).get('reason')}")
        if state in FINISHED and not work.finished_seconds:
            work.finished_seconds = time.monotonic() - self.began
            work.worktree = str(agent.get("worktree", ""))

    def _settle(self) -> None:
        """Evaluate and recycle by name, from here."""
        why = "the demo's own word: the file is there"
        self.scripts.all([["evaluate", work.window, "--pass", why] for work in self.works])
        self.scripts.all([["recycle-agent", work.window] for work in self.works])
        self._tell("all of it judged good, and recycled, by calls from here")
        for host in self.hosts:
            folder = host.folder / "git" / "repository"
            spare = Scripts(environment_of(host), folder).must("find-spare", str(folder)).splitlines()
            if len(spare) != SPARES:
                raise FleetError(f"expected {SPARES} spare worktrees on {host.name} in the end, found {len(spare)}")
        origin = self.hosts[0].folder / "git" / "origin.git"
        for work in self.works:
            argv = ["git", "cat-file", "-e", f"refs/heads/{work.branch}:{work.file}"]
            if subprocess.run(argv, cwd=origin, capture_output=True, check=False).returncode:
                raise FleetError(f"expected {work.file} on {work.branch} at origin, it is not there")

    def _hosts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.scripts.status().get("hosts", [])
        return found

    def _host(self, host: SshHost) -> dict[str, Any]:
        return next(known for known in self._hosts() if known["name"] == host.name)

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise FleetError(f"waited {LONGEST_SECONDS:.0f} s for {what}")
            time.sleep(WATCH_SECONDS)
