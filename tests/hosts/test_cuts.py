"""Links cut at random, over and over, with calls in flight and records that change: nothing doubled, nothing lost."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import threading
import time
from collections import Counter

import pytest

from fleetscripts.practice.ssh_host import SshClient
from fleetscripts.services.links.asking import HostUnreachable, call
from tests.hosts.conftest import MakeLinked
from tests.hosts.cutting_proxy import CuttingProxy
from tests.hosts.linked import Linked, agent, helpers
from tests.waiting import wait_until

CUTS = int(os.environ.get("FLEET_TEST_CUTS", "150"))
HOSTS = 3
SEED = 16


class Cutting(threading.Thread):
    """One host whose link is cut ``cuts`` times."""

    def __init__(self, host: Linked, proxy: CuttingProxy, cuts: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.host, self.proxy, self.cuts = host, proxy, cuts
        self.random = random.Random(seed)
        self.pause = threading.Event()
        self.over = threading.Event()
        self.done: Counter[str] = Counter()
        self.answers: dict[str, tuple[str, int]] = {}
        self.problems: list[str] = []
        self.unheard = 0
        self.written = 0
        self.others = [threading.Thread(target=work, daemon=True) for work in (self.ask, self.write, self.watch)]

    def run(self) -> None:
        for other in self.others:
            other.start()
        ways = {
            "reset": self.proxy.reset,
            "stall": self.stall,
            "refuse": self.refuse,
            "host's end": lambda: kill(helpers(self.host.there)),
            "link": self.host.end,
            "connection": lambda: kill(masters(self.host)),
        }
        for _ in range(self.cuts):
            name = self.random.choice(list(ways))
            ways[name]()
            self.done[name] += 1
            self.pause.wait(self.random.uniform(0, 1.5))
        self.over.set()
        for other in self.others:
            other.join()

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
                    self.unheard += "may have been begun" in str(error)
                    self.pause.wait(0.05)

    def write(self) -> None:
        """Records that count upwards."""
        while not self.over.wait(0.05):
            self.written += 1
            self.host.put(*(agent(n, objective=str(self.written)) for n in range(1, 6)))

    def watch(self) -> None:
        """What is known here never goes back."""
        newest: dict[str, int] = {}
        while not self.over.wait(0.01):
            for one in self.host.view().fleet.agents:
                if int(one.objective) < newest.get(one.id, 0):
                    self.problems.append(f"{one.id}: {one.objective} after {newest[one.id]}")
                newest[one.id] = int(one.objective)


def kill(pids: list[int]) -> None:
    for pid in pids:
        subprocess.run(["kill", "-KILL", str(pid)], check=False, capture_output=True)


def masters(host: Linked) -> list[int]:
    """The processes of the shared connection."""
    words = ["pgrep", "-f", f"^ssh: {os.environ['XDG_RUNTIME_DIR']}/fleet/c-.*"]
    found = subprocess.run(words, check=False, capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


@pytest.mark.stress
def test_random_cuts_double_no_call_and_lose_no_event(make_linked: MakeLinked, ssh_client: SshClient) -> None:
    linked = [make_linked(f"host{number}") for number in range(HOSTS)]
    proxies = [CuttingProxy((one.there.address, one.there.port)) for one in linked]
    try:
        ways = {one.host.name: proxy.address for one, proxy in zip(linked, proxies, strict=True)}
        ssh_client.knows([one.there for one in linked], ways)
        began = time.monotonic()
        cutting = [
            Cutting(one, proxy, CUTS // HOSTS, SEED + number)
            for number, (one, proxy) in enumerate(zip(linked, proxies, strict=True))
        ]
        for thread in cutting:
            thread.start()
        for thread in cutting:
            thread.join()
        cuts = sum((thread.done for thread in cutting), Counter())
        calls = sum(len(thread.answers) for thread in cutting)
        print(
            f"{dict(cuts)} cuts, {calls} calls, {sum(t.unheard for t in cutting)} unheard at first,"
            f" {sum(t.written for t in cutting)} writings in {time.monotonic() - began:.0f} s"
        )
        assert sum(cuts.values()) == CUTS // HOSTS * HOSTS
        for thread in cutting:
            assert not thread.problems
            ends = Counter(thread.answers.values())
            assert set(ends) <= {("done", 0), ("lost", 3)}, ends  # lost: its helper was killed just as it began
            folder = thread.host.there.home / "captain" / "tasks"
            written = len([path for path in folder.rglob("t*") if path.is_file()])
            assert ends["done", 0] <= written <= len(thread.answers)
            thread.host.begin()
            last = str(thread.written)
            wait_until(lambda host=thread.host, last=last: {a.objective for a in host.view().fleet.agents} == {last})
            assert len(thread.host.view().fleet.agents) == 5
            assert len(helpers(thread.host.there)) == 1
    finally:
        for proxy in proxies:
            proxy.close()
