"""How soon the loop acts on what happens to agents, and what it costs while nothing does: event-driven and polling."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import load_settings
from fleetscripts.services.loop.cycle import run_cycle
from tests.benchmark import MAIN, own_environment
from tests.light_agents import HAPPENINGS, LightAgents
from tests.places import TmuxServer
from tests.waiting import comes, wait_until

LEAST_HAPPENINGS = 50
"""For each number of agents; agents that went through one are used again."""
MEAN_GAP_SECONDS = 0.25
SPINNER_SECONDS = 0.25
"""Between two steps of the spinner of each agent in a turn."""
IDLE_SECONDS = 20
SETTLE_SECONDS = 3
BUSY_SECONDS = 8
LONGEST_GAP_SECONDS = 1.5
POLLING_SECONDS = 30
"""The least interval of the polling loop, as the default has it."""
PATIENCE_SECONDS = {"events": 12, "polling": 330}
"""What the loop has not acted on by then counts as missed. A polling loop looks again after 300 s at the latest."""


@dataclass(frozen=True)
class Way:
    """How the loop gets to know what the agents do: told of it or looking; from files, or only from screens."""

    name: str
    mode: str = "events"
    only_screen: bool = False


WAYS = (Way("events"), Way("events, screens", only_screen=True), Way("polling", "polling"))


def main(argv: Sequence[str]) -> int:
    """Measure for each number of agents; ``--no-polling`` leaves the slow part out."""
    ways = [way for way in WAYS if way.mode == "events" or "--no-polling" not in argv]
    reaction = "reaction: " + ", ".join(HAPPENINGS) + " (ms, p50/p99)"
    print(f"{'agents':6} {'hears':15} {reaction:60} {'all p50':>8} {'all p99':>8} {'missed':>8}"
          f" {'idle CPU':>9} {'busy CPU':>9} {'full cycle':>11} {'processes':>10}", flush=True)  # fmt: skip
    for count in [int(word) for word in argv if word.isdecimal()] or [10, 50, 200]:
        with tempfile.TemporaryDirectory(prefix="fr", dir="/tmp") as folder:
            root = Path(folder)
            os.environ.update(own_environment(root))
            server = TmuxServer("bench")
            server.new_session("fleet", ["sleep", "90000"], width=140, height=45)
            try:
                crew = LightAgents(server, root)
                crew.begin(count)
                for way in ways:
                    Bench(crew, root, way).show()
            finally:
                server.kill()
    return 0


@dataclass
class Bench:
    """One loop on one crew, from its start to its end."""

    crew: LightAgents
    root: Path
    way: Way
    taken: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in HAPPENINGS})
    missed: int = 0
    _recorded: list[tuple[str, str, float]] = field(default_factory=list)
    _pen: threading.Lock = field(default_factory=threading.Lock)
    """Of whoever draws on the agents' screens."""

    def show(self) -> None:
        """Measure and print one line."""
        self.prepare()
        options = ["--poll"] if self.way.mode == "polling" else []
        loop = subprocess.Popen(
            [*MAIN, "run-loop", *options], stdout=subprocess.DEVNULL, stderr=(self.root / "err").open("w")
        )
        over = threading.Event()
        watching = threading.Thread(target=self.watch_records, args=(over,))
        watching.start()
        try:
            self.until(lambda: self.polled() > 0, "the first cycle")
            idle = self.idle(loop.pid)
            busy = self.busy(loop.pid)
            full = self.full_cycle()
            self.happen()
        finally:
            over.set()
            watching.join()
            loop.terminate()
            loop.wait(timeout=90)
        every = [value for values in self.taken.values() for value in values]
        parts = "  ".join(f"{p(values, 50):.0f}/{p(values, 99):.0f}" for values in self.taken.values())
        missed = f"{self.missed}/{self.missed + len(every)}"
        print(f"{len(self.crew.agents):6} {self.way.name:15} {parts:60} {p(every, 50):8.0f} {p(every, 99):8.0f}"
              f" {missed:>8} {idle[0]:8.2f}% {busy:8.1f}% {full:8.0f} ms {idle[1]:10}", flush=True)  # fmt: skip

    def prepare(self) -> None:
        """All at work, and a state file and journal without history."""
        self.crew.keep_silent(self.way.only_screen)
        for agent in self.crew.agents:
            self.crew.again(agent)
        shutil.rmtree(self.root / "fleet", ignore_errors=True)
        (self.root / "fleet").mkdir()
        starter = self.root / "bin" / "fails"
        starter.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        starter.chmod(0o755)
        count_processes(self.root)
        config = f'notify_desktop = false\nclaude_path = "{starter}"\nnudge_cooldown_seconds = 9000\n'
        (self.root / "fleet" / "config.toml").write_text(config, encoding="utf-8")
        self.write_state()

    def write_state(self) -> None:
        """Whole at every moment, for the loop and for ``watch_records``."""
        state = {"tmux_session": "fleet", "agents": self.crew.records()}
        scratch = self.root / "state.tmp"
        scratch.write_text(json.dumps(state), encoding="utf-8")
        scratch.replace(self.root / "state.json")

    def idle(self, pid: int) -> tuple[float, int]:
        """Share of a core in percent while nothing happens, and the processes that were started in that time."""
        time.sleep(SETTLE_SECONDS)  # what is left of the start is not idle
        seconds = POLLING_SECONDS * 2 if self.way.mode == "polling" else IDLE_SECONDS
        before, started, began = cpu_seconds(pid), self.started(), time.monotonic()
        time.sleep(seconds)  # idle is what is measured
        share = 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)
        return share, self.started() - started

    def busy(self, pid: int) -> float:
        """The same while every spinner turns and every transcript grows."""
        with self.at_work(set()):
            time.sleep(SETTLE_SECONDS)  # what begins the work is not measured
            before, began = cpu_seconds(pid), time.monotonic()
            time.sleep(BUSY_SECONDS)  # the work is what is measured
            return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)

    @contextmanager
    def at_work(self, done: Collection[str]) -> Iterator[None]:
        """Spinners turn and transcripts grow meanwhile, but for the agents in the panes that are ``done``."""
        over = threading.Event()
        spinning = threading.Thread(target=self._spin, args=(over, done))
        spinning.start()
        try:
            yield
        finally:
            over.set()
            spinning.join()

    def _spin(self, over: threading.Event, done: Collection[str]) -> None:
        tick = 0
        while not over.wait(SPINNER_SECONDS):
            tick += 1
            for agent in self.crew.agents:
                with self._pen:
                    if agent.pane_id in done:
                        continue
                    self.crew.spin(agent, tick)
                if (tick + agent.number) % 20 == 0:
                    self.crew.write(agent, {"type": "assistant", "message": {"role": "assistant", "content": [
                        {"type": "tool_use", "id": f"t{tick}", "name": "Bash", "input": {}}]}})  # fmt: skip

    def full_cycle(self) -> float:
        """What one look at everything costs, in ms of a core, without the tmux server's part."""
        settings = load_settings(os.environ)
        times = []
        for _ in range(3):
            began = time.process_time()
            run_cycle(Store(settings.state_file), settings, time.time())
            times.append(time.process_time() - began)
        return 1000 * min(times)

    def happen(self) -> None:
        """One thing after another while the others work, each on an agent of its own; when did the loop act on it?"""
        told = self.way.mode == "events"
        rounds = max(1, -(-LEAST_HAPPENINGS // len(self.crew.agents))) if told else 1
        choice = random.Random(7)
        names = list(HAPPENINGS)
        for number in range(rounds):
            if number:
                self.put_back()
            order = list(self.crew.agents)
            choice.shuffle(order)
            happened: dict[str, tuple[str, float]] = {}
            done: set[str] = set()
            with self.at_work(done):
                for agent in order:
                    gap = choice.expovariate(1 / MEAN_GAP_SECONDS) if told else 1.5 * POLLING_SECONDS / len(order)
                    time.sleep(min(gap, LONGEST_GAP_SECONDS))  # each by itself
                    name = names[(agent.number + number) % len(names)]
                    with self._pen:
                        done.add(agent.pane_id)
                        HAPPENINGS[name][0](self.crew, agent)
                    happened[agent.pane_id] = (name, time.time())
            self.collect(happened, PATIENCE_SECONDS[self.way.mode])

    def put_back(self) -> None:
        """All at work again, and the loop knows it."""
        for agent in self.crew.agents:
            self.crew.again(agent)
        self.write_state()
        self.until(lambda: self.panes() == {"running"}, "everybody at work", 60)

    def collect(self, happened: dict[str, tuple[str, float]], seconds: float) -> None:
        """Times between what happened and what was done about it, as journal and record say."""

        def all_collected() -> bool:
            acted = self.acted()
            for pane, (name, began) in list(happened.items()):
                _, state, action = HAPPENINGS[name]
                recorded = [at for where, what, at in self._recorded if (where, what) == (pane, state)]
                times = acted.get((pane, action), []) if action else recorded
                if later := [at for at in times if at >= began]:
                    self.taken[name].append(1000 * (min(later) - began))
                    del happened[pane]
            return not happened

        comes(all_collected, seconds, every=0.1)
        self.missed += len(happened)

    def acted(self) -> dict[tuple[str, str], list[float]]:
        """When what was done about which pane."""
        windows = {agent["window"]: agent["pane_id"] for agent in self.state()["agents"]}
        found: dict[tuple[str, str], list[float]] = {}
        for event in Journal(self.root / "fleet" / "events.jsonl").read():
            if event["event"] in ("recovery-intended", "decision", "escalated"):
                pane = event.get("pane_id") or windows.get(event["window"], "")
                found.setdefault((pane, event["action"]), []).append(float(event["at"]))
        return found

    def watch_records(self, over: threading.Event) -> None:
        """When a state was first seen in the record, for what nothing is done about."""
        known, states = None, {}
        while not over.wait(0.01):
            status = (self.root / "state.json").stat()
            if known == (status.st_mtime_ns, status.st_ino):
                continue
            known = (status.st_mtime_ns, status.st_ino)
            for agent in self.state()["agents"]:
                if states.get(agent["pane_id"]) != agent.get("seen", {}).get("pane_state"):
                    states[agent["pane_id"]] = agent.get("seen", {}).get("pane_state")
                    self._recorded.append((agent["pane_id"], agent.get("seen", {}).get("pane_state", ""), time.time()))

    def panes(self) -> set[str]:
        return {agent.get("seen", {}).get("pane_state", "") for agent in self.state()["agents"]}

    def state(self) -> dict:
        return json.loads((self.root / "state.json").read_text(encoding="utf-8"))

    def polled(self) -> float:
        return self.state().get("last_poll_at", 0)

    def started(self) -> int:
        return len((self.root / "started").read_text().splitlines())

    def until(self, there, what: str, seconds: float = 60) -> None:
        wait_until(there, seconds, lambda: f"{what}: {(self.root / 'err').read_text()[-2000:]}")


def count_processes(root: Path) -> None:
    """A tmux of our own first on the PATH, that counts how often it is called."""
    counter = root / "count" / "tmux"
    counter.parent.mkdir(exist_ok=True)
    (root / "started").write_text("")
    if not counter.exists():
        counter.write_text(
            f'#!/bin/sh\necho >>"{root}/started"\nexec "{shutil.which("tmux")}" "$@"\n', encoding="utf-8"
        )
        counter.chmod(0o755)
        os.environ["PATH"] = f"{counter.parent}:{os.environ['PATH']}"


def cpu_seconds(pid: int) -> float:
    """Of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def p(values: Sequence[float], percent: int) -> float:
    """A percentile; of few values the last is the greatest."""
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
