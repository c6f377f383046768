"""What a link to other machines costs: ``python -m tests.hosts.benchmark_hosts`` prints it.

Real ssh and sshd on loopback, a proxy in between that delays each way by half the round trip.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fleetscripts.practice.host_home import furnish
from fleetscripts.practice.ssh_host import SshClient, SshHost
from fleetscripts.services.links.telling import tell_host
from tests.hosts.cutting_proxy import CuttingProxy
from tests.hosts.linked import LinkedHost, agent, helpers, linked
from tests.places import BUNDLE
from tests.waiting import wait_until

ROUND_TRIPS_MS = (0, 50, 200)
EVENTS = 30
SETTLE_SECONDS = 5.0
IDLE_SECONDS = 30.0
HOSTS, AGENTS = 5, 40
APART_SECONDS = 0.4
LOOK_SECONDS = 0.001
LONGEST_SECONDS = 20.0
PROGRAM = [sys.executable, "-I", str(BUNDLE / "fleetscripts/__main__.py")]
TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print all figures."""
    with _place() as folder:
        print(f"python -I -c pass: {_best([sys.executable, '-I', '-c', 'pass']):.1f} ms")
        for round_trip in ROUND_TRIPS_MS:
            with _hosts(folder / f"rtt{round_trip}", ["alpha"], round_trip) as ((alpha,), (proxy,)):
                _one(alpha, proxy, round_trip)
        with _hosts(folder / "many", [f"host{n}" for n in range(HOSTS)], 0) as (many, proxies):
            _many(many, proxies)
    return 0


def _one(alpha: LinkedHost, proxy: CuttingProxy, round_trip: int) -> None:
    seen = sorted(_sight(alpha, number) for number in range(EVENTS))
    call = ["find-spare", "--help"]
    there = statistics.median(_timed(lambda: alpha.call(*call)) for _ in range(10))
    here = statistics.median(_run([*PROGRAM, *call]) for _ in range(10))
    middle, late = seen[len(seen) // 2], seen[int(len(seen) * 0.9)]
    print(
        f"round trip {round_trip} ms: event to sight p50 {middle:.0f} ms, p90 {late:.0f} ms; "
        f"a call there {there:.0f} ms, the same here {here:.0f} ms"
    )
    proxy.refuse()
    proxy.reset()
    alpha.lost()
    alpha.put(agent(1, objective="after the cut"))
    proxy.resume()
    began = time.monotonic()
    wait_until(lambda: _says(alpha, "after the cut"), 150)
    print(f"round trip {round_trip} ms: {time.monotonic() - began:.1f} s from the link's return to the truth")


def _many(many: Sequence[LinkedHost], proxies: Sequence[CuttingProxy]) -> None:
    for one in many:
        one.put(*(agent(number, objective="x" * 200) for number in range(AGENTS)))
    for one in many:
        wait_until(lambda one=one: len(one.view().fleet.agents) == AGENTS)  # type: ignore[misc]
        tell_host(one.settings, one.host, {"join": True})
    many[0].settings.state_file.write_text('{"agents": [], "active": true}', encoding="utf-8")
    many[0].settings.state_file.chmod(0o600)
    print(f"status of {HOSTS} hosts with {AGENTS} agents each: {_best([*PROGRAM, 'status']):.0f} ms (best of 10)")
    links, ends = [one.link().pid for one in many], [helpers(one.there)[0] for one in many]
    with subprocess.Popen([*PROGRAM, "run-loop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as loop:
        time.sleep(SETTLE_SECONDS)  # the loop looks at everything once
        groups = {"the links": links, "the loop here": [loop.pid], "the hosts' ends": ends}
        before = {name: sum(map(_cpu, pids)) for name, pids in groups.items()}
        sent = sum(proxy.forwarded_bytes for proxy in proxies)
        time.sleep(IDLE_SECONDS)  # idle is what is measured
        moved = (sum(proxy.forwarded_bytes for proxy in proxies) - sent) / IDLE_SECONDS / HOSTS
        used = {name: (sum(map(_cpu, pids)) - before[name]) / IDLE_SECONDS for name, pids in groups.items()}
        loop.kill()
    shares = ", ".join(f"{name} {share:.2%}" for name, share in used.items())
    print(f"idle: {moved:.0f} bytes a second and host; of a core, with {HOSTS} hosts: {shares}")


def _sight(alpha: LinkedHost, number: int) -> float:
    time.sleep(APART_SECONDS)  # each by itself
    words = f"event {number} of {time.time()}"
    alpha.put(agent(1, objective=words))
    return _timed(lambda: _until(lambda: _says(alpha, words)))


def _until(holds: Callable[[], bool]) -> None:
    """Looks so often that the looking does not show in the figures."""
    wait_until(holds, LONGEST_SECONDS, every=LOOK_SECONDS)


def _says(alpha: LinkedHost, words: str) -> bool:
    view = alpha.view()
    return view.reachable and any(known.objective == words for known in view.fleet.agents)


def _timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return (time.perf_counter() - began) * 1000


def _run(command: Sequence[str]) -> float:
    return _timed(lambda: subprocess.run(command, check=False, capture_output=True))


def _best(command: Sequence[str]) -> float:
    return min(_run(command) for _ in range(10))


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process and of what it has waited for."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(word) for word in words[11:15]) / TICK


@contextmanager
def _place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fb", dir="/tmp"))
    run = folder / "run"
    run.mkdir(mode=0o700)
    os.environ |= {
        "HOME": str(folder),
        "FLEET_HOME": str(folder / "fleet"),
        "ORCHESTRATOR_STATE_FILE": str(folder / "state.json"),
        "XDG_RUNTIME_DIR": str(run),
        "TMUX_TMPDIR": str(folder),
    }
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _hosts(
    folder: Path, names: Sequence[str], round_trip: int
) -> Iterator[tuple[list[LinkedHost], list[CuttingProxy]]]:
    folder.mkdir()
    client = SshClient(folder / "client").create()
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{client.bin}:{path}"
    with ExitStack() as ends:
        ends.callback(os.environ.__setitem__, "PATH", path)
        hosts, proxies = [], []
        for name in names:
            host = SshHost(folder / name, name)
            furnish(host)
            host.start(client.public_key)
            ends.callback(host.stop)
            proxy = CuttingProxy((host.address, host.port))
            proxy.delay_seconds = round_trip / 2000
            ends.callback(proxy.close)
            hosts.append(host)
            proxies.append(proxy)
        client.knows(hosts, {host.name: proxy.address for host, proxy in zip(hosts, proxies, strict=True)})
        known = [linked(host) for host in hosts]
        for one in known:
            one.put(agent(1))
            ends.callback(one.files.remove)
            ends.callback(one.end)
            one.begin()
        yield known, proxies


if __name__ == "__main__":
    sys.exit(main())
