"""Links cut at random, over and over, with calls in flight and records that change: nothing doubled, nothing lost."""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from collections import Counter

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.practice.ssh_host import SshClient
from fleetscripts.services.links.asking import HostUnreachable, call
from tests.hosts.conftest import MakeLinked
from tests.hosts.cutting_proxy import CuttingProxy
from tests.hosts.linked import LinkedHost, agent, helpers, kill, masters
from tests.waiting import wait_until

CUTS = int(os.environ.get("FLEET_TEST_CUTS", "1500"))
HOSTS = 5
SEED = 16
PASSING = 1000
"""The first agent of those that go."""


class LinkCutter(threading.Thread):
    """One host whose link is cut ``cuts`` times."""

    def __init__(self, host: LinkedHost, proxy: CuttingProxy, cuts: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.host, self.proxy, self.cuts = host, proxy, cuts
        self.random = random.Random(seed)
        self.pause = threading.Event()
        self.over = threading.Event()
        self.done: Counter[str] = Counter()
        self.answers: dict[str, tuple[str, int]] = {}
        self.problems: list[str] = []
        self.unheard = 0
        self.idle = 0
        """Kills that found no process."""
        self.written = 0
        self.others = [threading.Thread(target=work, daemon=True) for work in (self.ask, self.write, self.watch)]

    def run(self) -> None:
        for other in self.others:
            other.start()
        ways = {
            "reset": self.proxy.reset,
            "stall": self.stall,
            "refuse": self.refuse,
            "host's end": lambda: self.kill(helpers(self.host.there)),
            "link": self.host.end,
            "connection": lambda: self.kill(masters(self.host)),
        }
        for _ in range(self.cuts):
            name = self.random.choice(list(ways))
            ways[name]()
            self.done[name] += 1
            self.pause.wait(self.random.uniform(0, 1.5))
        self.over.set()
        for other in self.others:
            other.join()

    def kill(self, pids: list[int]) -> None:
        self.idle += not pids
        kill(pids)

    def stall(self) -> None:
        self.proxy.stall()
        self.pause.wait(self.random.uniform(0, 1))
        self.proxy.resume()

    def refuse(self) -> None:
        self.proxy.refuse()
        self.proxy.reset()
        self.pause.wait(self.random.uniform(0, 1))
        self.proxy.resume()

    def ask(self) -> None:
        """One call after the other; one whose end was not heard is asked for until it was."""
        while not self.over.is_set():
            name, call_id = f"t{len(self.answers)}", secrets.token_hex(16)
            while name not in self.answers:
                try:
                    words = ["tasks", "add", name, "text"]
                    reply = call(self.host.settings, self.host.host, words, timeout=20, call_id=call_id)
                    self.answers[name] = (reply.state, reply.exit_code)
                except HostUnreachable as error:
                    self.unheard += "may have been started" in str(error)
                    self.pause.wait(0.05)

    def write(self) -> None:
        """Records that count upwards, and an agent that goes for good when the next one comes."""
        while not self.over.wait(0.05):
            self.written += 1
            passing = PASSING + self.written // 20
            self.host.put(*(agent(n, objective=str(self.written)) for n in (*range(1, 6), passing)))

    def watch(self) -> None:
        """What is known here never goes back."""
        newest: dict[str, int] = {}
        known: set[str] = set()
        gone: set[str] = set()
        while not self.over.wait(0.01):
            agents = self.host.view().fleet.agents
            seen = {one.id for one in agents}
            self.problems += [f"{one} is there again" for one in seen & gone]
            last = max(map(number_of, seen), default=0)
            known |= seen
            gone |= {one for one in known - seen if PASSING <= number_of(one) < last}
            for one in agents:
                if int(one.objective) < newest.get(one.id, 0):
                    self.problems.append(f"{one.id}: {one.objective} after {newest[one.id]}")
                newest[one.id] = int(one.objective)


def number_of(agent_id: str) -> int:
    return int(agent_id.removeprefix("agent"))


@pytest.mark.stress
def test_random_cuts_double_no_call_and_lose_no_event(make_linked: MakeLinked, ssh_client: SshClient) -> None:
    linked = [make_linked(f"host{number}") for number in range(HOSTS)]
    proxies = [CuttingProxy((one.there.address, one.there.port)) for one in linked]
    try:
        ways = {one.host.name: proxy.address for one, proxy in zip(linked, proxies, strict=True)}
        ssh_client.knows([one.there for one in linked], ways)
        began = time.monotonic()
        cutting = [
            LinkCutter(one, proxy, CUTS // HOSTS, SEED + number)
            for number, (one, proxy) in enumerate(zip(linked, proxies, strict=True))
        ]
        for thread in cutting:
            thread.start()
        for thread in cutting:
            thread.join()
        cuts = sum((thread.done for thread in cutting), Counter())
        calls = sum(len(thread.answers) for thread in cutting)
        print(
            f"{dict(cuts)} cuts, {sum(t.idle for t in cutting)} of them idle, {calls} calls,"
            f" {sum(t.unheard for t in cutting)} unheard at first, {sum(t.written for t in cutting)} writings"
            f" in {time.monotonic() - began:.0f} s"
        )
        assert sum(cuts.values()) == CUTS // HOSTS * HOSTS
        assert sum(thread.idle for thread in cutting) < (cuts["connection"] + cuts["host's end"]) / 2
        for thread in cutting:
            assert not thread.problems
            assert set(thread.answers.values()) == {("done", 0)}, Counter(thread.answers.values())
            folder = thread.host.there.home / "captain" / "tasks"
            assert len([path for path in folder.rglob("t*") if path.is_file()]) == len(thread.answers)
            thread.host.begin()
            agents = Store(thread.host.state_file).read().agents
            assert {one.objective for one in agents} == {str(thread.written)}
            wait_until(lambda host=thread.host, agents=agents: host.view().fleet.agents == agents)
            assert len(helpers(thread.host.there)) == 1
    finally:
        for proxy in proxies:
            proxy.close()
