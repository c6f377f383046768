"""Five machines with a real sshd each, in namespaces joined by veth, real Claude Code on two: whatever breaks in one of
them while agents work, no call is doubled, no event lost, and no agent is in two places."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.fleet import Fleet as StoredFleet
from fleetscripts.practice import host_home
from fleetscripts.practice.playground import Playground
from fleetscripts.practice.ssh_host import SshClient, SshHost
from fleetscripts.practice.stage import Stage
from fleetscripts.services.context import load_settings_here
from fleetscripts.services.demo.demo_scripts import Scripts
from fleetscripts.services.hosts.registry import host_named
from fleetscripts.services.links.asking import HostUnreachable, Reply, call
from tests.hosts.linked import LinkedHost, environment_of, helpers, kill, masters, processes
from tests.hosts.network import Network
from tests.places import BUNDLE
from tests.real_clients import real_client
from tests.waiting import wait_until

HOSTS = 5
WITH_CLAUDE = (1, 2)
AT_WORK_SECONDS = 30
CONFIG = """\
idle_threshold_seconds = 3
nudge_cooldown_seconds = 3
notify_desktop = false
verify_command = "test -s README.md"
"""
OBJECTIVE = """\
Add {file} to the repository and check that it is there.
[[think {seconds}]] [[write {file} Made on one of five machines]] [[commit Add {file}]] [[push]]
[[checkpoint implement]] [[bash test -s {file}]] [[checkpoint test]] [[done]]"""


@dataclass
class Machine:
    """One of them: its sshd in a namespace, its repository, its tmux; Claude's has a namespace with loopback alone."""

    there: SshHost
    playground: Playground
    stage: Stage | None

    @property
    def name(self) -> str:
        return self.there.name

    @property
    def kind(self) -> str:
        return "practice" if self.stage is None else "claude"

    @property
    def places(self) -> dict[str, Path]:
        """FLEET_HOME and the state file there."""
        return {
            "FLEET_HOME": self.there.folder / "fleet",
            "ORCHESTRATOR_STATE_FILE": self.there.folder / "state.json",
        }

    def start(self, client: SshClient) -> None:
        self.places["FLEET_HOME"].mkdir(mode=0o700)
        (self.places["FLEET_HOME"] / "config.toml").write_text(CONFIG, encoding="utf-8")
        if self.stage is not None:
            (self.there.home / "bin" / "claude").symlink_to(self.stage.program)
            self.stage.start()
        else:
            host_home.begin_session(self.there, self.playground.repository)
        self.there.start(client.public_key)

    def add_words(self) -> list[str]:
        home, state = self.places.values()
        words = [f"--home-there={home}", f"--state-file-there={state}"]
        return words if self.stage is None else [*words, f"--socket-there={self.stage.socket}"]

    def begin_loop(self) -> None:
        loop = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "run-loop"]
        words = ["new-window", "-d", "-t", "=fleet:", "-n", "loop", "-c", str(self.playground.repository)]
        words.append(f"env POLL_INTERVAL=1 POLL_IDLE_MAX=1 {shlex.join(loop)}")
        if self.stage is None:
            host_home.tmux(self.there, *words)
        else:
            assert self.stage.tmux(*words)

    def pids(self, words: str) -> list[int]:
        """The processes of that command line whose home is this machine's."""
        home = str(self.there.home)
        return [pid for pid in processes(words) if environment_of(str(pid)).get("HOME") == home]

    def end(self) -> None:
        if self.stage is None:
            host_home.end_session(self.there)
        else:
            self.stage.stop()


@dataclass
class Fleet:
    """All of them as this machine in the middle has them."""

    network: Network
    machines: dict[int, Machine]
    origin: Path
    scripts: Scripts
    works: dict[str, str] = field(default_factory=dict)
    """Windows by branch, as ``spawn-agent`` printed them."""

    def linked(self, number: int) -> LinkedHost:
        settings, machine = load_settings_here(os.environ), self.machines[number]
        return LinkedHost(settings, machine.there, host_named(settings, machine.name))

    def add(self) -> None:
        self.scripts.all([["hosts", "add", m.name, m.name, *m.add_words()] for m in self.machines.values()])

    def spawn(self) -> None:
        calls, branches = [], []
        for machine in self.machines.values():
            for number in range(2 if machine.stage is None else 1):
                branch = f"feat/{machine.name}-{number}"
                objective = OBJECTIVE.format(file=f"{machine.name}-{number}.txt", seconds=AT_WORK_SECONDS)
                words = ["--host", machine.name, "--session", "fleet", "--repo", str(machine.playground.repository)]
                words += ["--agent", machine.kind, "--branch", branch, "--objective", objective]
                calls.append(["spawn-agent", *words, "--step", "implement", "--step", "test"])
                branches.append(branch)
        self.works = dict(zip(branches, map(str.strip, self.scripts.all(calls)), strict=True))

    def rows(self) -> dict[str, Mapping[str, Any]]:
        """What ``status`` tells of each machine."""
        return {host["name"]: host for host in self.scripts.status()["hosts"]}

    def agents(self) -> list[Mapping[str, Any]]:
        return [agent for host in self.rows().values() for agent in host["agents"]]


@pytest.fixture
def fleet(
    network: Network, ssh_client: SshClient, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    run = short_folder / "run"
    run.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run))
    machines: dict[int, Machine] = {}
    client, origin = real_client("claude"), None
    with contextlib.ExitStack() as ends:
        for number in range(1, HOSTS + 1):
            there = network.host(number)
            stage = Stage(there.folder, client) if number in WITH_CLAUDE else None
            made = Machine(there, Playground(there.folder / "git", origin), stage)
            there.variables = {name: str(path) for name, path in made.places.items()}
            host_home.furnish(there)
            made.playground.build(2, host_home.environment_of(there))
            origin = origin or made.playground.origin
            ends.callback(made.end)
            made.start(ssh_client)
            machines[number] = made
        assert origin is not None
        ssh_client.knows([machine.there for machine in machines.values()])
        made_fleet = Fleet(network, machines, origin, Scripts(dict(os.environ), short_folder))
        ends.callback(lambda: [made_fleet.linked(number).end() for number in made_fleet.machines])
        yield made_fleet


class CallThread(threading.Thread):
    """A call that is made until its end is heard, as one and the same."""

    def __init__(self, host: LinkedHost, *words: str) -> None:
        super().__init__(daemon=True)
        self.host, self.words, self.call_id = host, words, secrets.token_hex(16)
        self.reply: Reply | None = None
        self.start()

    def run(self) -> None:
        wait_until(self._answered, 300)

    def _answered(self) -> bool:
        with contextlib.suppress(HostUnreachable):
            self.reply = call(self.host.settings, self.host.host, self.words, timeout=60, call_id=self.call_id)
        return self.reply is not None


@contextlib.contextmanager
def own_loop(folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The loop of the machine in the middle; the caller appends those that it starts instead."""
    running = [start_loop(folder)]
    try:
        yield running
    finally:
        for loop in running:
            loop.kill()
            loop.wait()


def start_loop(folder: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "run-loop", "--poll"]
    with (folder / "loop.out").open("ab") as said:
        return subprocess.Popen(words, stdout=said, stderr=said)


@pytest.mark.stress
@pytest.mark.real_client
def test_what_breaks_in_one_of_five_machines_harms_no_agent(fleet: Fleet, tmp_path: Path) -> None:
    fleet.add()
    with own_loop(tmp_path) as loops:
        fleet.spawn()
        for machine in fleet.machines.values():
            machine.begin_loop()
        wait_until(lambda: all(host["reachable"] for host in fleet.rows().values()))
        hosts = {number: fleet.linked(number) for number in fleet.machines}
        before = {number: host.there.handshakes() for number, host in hosts.items()}
        asked = [CallThread(host, "tasks", "add", f"t{turn}", "text") for host in hosts.values() for turn in range(3)]
        servers = list(map(int, subprocess.run(
            ["pgrep", "-x", "sshd", "--ns", str(hosts[3].there.pid), "--nslist", "net"],
            capture_output=True, text=True, check=True,
        ).stdout.split()))  # fmt: skip
        fleet.network.down(1)
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)
        for pids in (helpers(hosts[2].there), fleet.machines[4].pids("run-loop"), masters(hosts[5])):
            assert pids
            kill(pids)
        hosts[5].end()
        loops[0].kill()
        try:
            unheard_hosts_keep_their_agents(fleet, hosts)
        finally:
            fleet.network.up(1)
            for pid in servers:
                os.kill(pid, signal.SIGCONT)
        loops.append(start_loop(tmp_path))
        wait_until(lambda: not fleet.machines[4].pids("run-loop"))
        assert hosts[4].call("run-loop", "--window").exit_code == 0
        for host in hosts.values():
            host.reached(60)
        for thread in asked:
            thread.join(60)
        assert {(thread.reply.state, thread.reply.exit_code) if thread.reply else None for thread in asked} == {
            ("done", 0)
        }  # one that is done twice is refused the second time
        wait_until(
            lambda: {agent["state"] for agent in fleet.agents()} <= {"pending_evaluation", "done"}, 90, fleet.agents
        )
        assert hosts[2].there.handshakes() == before[2]  # what died there was a channel, not the connection
        nothing_is_doubled_or_lost(fleet, hosts)
        for verb, rest in (("evaluate", ["--pass", "the file is there"]), ("recycle-agent", [])):
            with ThreadPoolExecutor() as pool:
                done = list(pool.map(lambda window: fleet.scripts.ask(verb, window, *rest), fleet.works.values()))  # noqa: B023
            assert [one.code for one in done] == [0] * len(fleet.works), done


def unheard_hosts_keep_their_agents(fleet: Fleet, hosts: Mapping[int, LinkedHost]) -> None:
    """Nothing follows from silence."""
    for number in (1, 3):
        hosts[number].lost(60)
    rows = fleet.rows()
    assert [rows[f"host{number}"]["reachable"] for number in (1, 3)] == [False, False]
    for number in (1, 3):
        told = {agent["branch"]: agent["state"] for agent in rows[f"host{number}"]["agents"]}
        assert set(told) == {branch for branch in fleet.works if branch.startswith(f"feat/host{number}-")}
        assert not set(told.values()) & {"recycled", "escalated", "gone"}
    window = fleet.works["feat/host1-0"]
    for words in (["recycle-agent", window], ["evaluate", window, "--pass", "x"], ["hosts", "drain", "host1"]):
        assert fleet.scripts.ask(*words).code == 3, words


def nothing_is_doubled_or_lost(fleet: Fleet, hosts: Mapping[int, LinkedHost]) -> None:
    """Each agent in one place, each commit once, and what is known here is what is true there."""
    assert sorted(agent["branch"] for agent in fleet.agents()) == sorted(fleet.works)
    for host in hosts.values():
        wait_until(lambda host=host: states(host.view().fleet) == states(Store(host.state_file).read()))  # type: ignore[misc]
        assert len(helpers(host.there)) == 1
    for branch in fleet.works:
        words = ["git", "rev-list", "--count", f"refs/heads/main..refs/heads/{branch}"]
        done = subprocess.run(words, cwd=fleet.origin, capture_output=True, text=True, check=True)
        assert done.stdout == "1\n", branch


def states(known: StoredFleet) -> list[tuple[str, str]]:
    return [(agent.id, agent.state) for agent in known.agents]
