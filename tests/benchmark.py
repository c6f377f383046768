"""Measures reading, cycles and single calls on a private tmux server full of panes that look like agents."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fleetscripts.adapters.tmux.tmux import Tmux
from tests.places import BUNDLE, GitRepo, TmuxServer

ROUNDS = 15
"""Each way is measured this often, in turns, so that a busy moment of the machine meets them all."""

BARE = "python3 -c pass"

SCREEN = BUNDLE / "tests" / "screens"
MAIN = [sys.executable, "-I", "-X", "utf8", str(BUNDLE / "fleetscripts" / "__main__.py")]
FORMAT = (
    "#{pane_id} #{pane_current_command} #{pane_pid} #{pane_dead} #{pane_in_mode} #{pane_title} #{pane_current_path}"
)


def main(argv: Sequence[str]) -> int:
    """Run all measurements; arguments are numbers of panes."""
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as folder:
        root = Path(folder)
        os.environ.update(own_environment(root))
        server = TmuxServer("bench")
        try:
            server.new_session("fleet", ["sleep", "9000"])
            for count in [int(word) for word in argv] or [10, 50, 200]:
                panes(server, root, count)
            calls(root)
        finally:
            server.kill()
    return 0


def own_environment(root: Path) -> dict[str, str]:
    """Nothing of the machine's own fleet: a home, a state file and a socket of our own."""
    (root / "home").mkdir()
    (root / "home" / ".gitconfig").write_text("[user]\nname = Bench\nemail = bench@localhost\n", encoding="utf-8")
    for name in [
        name for name in os.environ if name.startswith(("TMUX", "CLAUDE", "CODEX", "FLEET_", "ORCHESTRATOR_"))
    ]:
        del os.environ[name]
    return {
        "HOME": str(root / "home"),
        "TMUX_TMPDIR": str(root),
        "FLEET_TMUX_SOCKET": "bench",
        "FLEET_HOME": str(root / "fleet"),
        "ORCHESTRATOR_STATE_FILE": str(root / "state.json"),
    }


def panes(server: TmuxServer, root: Path, count: int) -> None:
    """Fill the server up to ``count`` agents' panes and measure the ways to read them, and a cycle."""
    client = root / "claude"
    if not client.exists():
        client.symlink_to(shutil.which("sleep") or "/bin/sleep")
    shown = sorted(SCREEN.rglob("*.ansi"))[0]
    have = len(server.run("list-panes", "-a").splitlines()) - 1
    command = f'new-window -d -t fleet: -- sh -c \'cat "{shown}"; exec "{client}" 9000\'\n'
    server.run("source-file", "-", input=command * (count - have))
    tmux = Tmux(server.socket)
    wait_for(lambda: [pane.command for pane in tmux.panes()].count("claude") == count)
    record_agents(root, tmux)
    ids = [pane.pane_id for pane in tmux.panes()]
    ways: dict[str, Callable[[], object]] = {
        "bare, one process": lambda: bare(server, ids),
        "read_all, ids known": lambda: tmux.read_all(ids),
        "read_all": tmux.read_all,
        "a process a pane": lambda: [ask(server, "capture-pane", "-p", "-t", pane_id) for pane_id in ids],
        "poll-cycle (whole process)": lambda: subprocess.run([*MAIN, "poll-cycle"], capture_output=True, check=True),
    }
    table(f"{count} agents", ways, "bare, one process", {name: processes(root, way) for name, way in ways.items()})


def bare(server: TmuxServer, ids: Sequence[str]) -> None:
    """The least that one process can do: some facts and every screen, marked, thrown away unread."""
    captures = "".join(f"display-message -p mark{pane_id[1:]}\ncapture-pane -p -t {pane_id}\n" for pane_id in ids)
    ask(server, "source-file", "-", stdin=f"list-panes -a -F '{FORMAT}'\n{captures}".encode())


def ask(server: TmuxServer, *words: str, stdin: bytes = b"") -> None:
    subprocess.run(["tmux", "-u", "-L", server.socket, *words], input=stdin, capture_output=True, check=True)


def record_agents(root: Path, tmux: Tmux) -> None:
    """A state file with an agent for every pane, each in a worktree of its own."""
    server = tmux.require_server()
    known = {"socket": server.socket, "pid": server.pid, "start_time": server.start_time}
    agents = [
        {"window": pane.window, "pane_id": pane.pane_id, "window_id": pane.window_id, "tmux_server": known,
         "worktree": f"w{n}", "worktree_path": str(worktree(root, n)), "branch": f"feat/{n}", "objective": "x",
         "session_id": f"00000000-0000-4000-8000-{n:012}"}
        for n, pane in enumerate(tmux.panes())
    ]  # fmt: skip
    (root / "state.json").write_text(json.dumps({"tmux_session": "fleet", "agents": agents}), encoding="utf-8")


def worktree(root: Path, number: int) -> Path:
    """A worktree without files: a cycle reads only where it is."""
    repo, path = GitRepo(root / "work"), root / "work" / f"w{number}"
    if not repo.root.exists():
        repo.create()
    if not path.exists():
        repo.git("worktree", "add", "-q", "--detach", "--no-checkout", str(path))
    return path


def processes(root: Path, way: Callable[[], object]) -> int:
    """How many tmux processes one run starts, counted by a tmux of our own first on the PATH."""
    counter, log = root / "bin" / "tmux", root / "started"
    counter.parent.mkdir(exist_ok=True)
    log.write_text("")
    counter.write_text(f'#!/bin/sh\necho >>"{log}"\nexec "{shutil.which("tmux")}" "$@"\n', encoding="utf-8")
    counter.chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{counter.parent}:{path}"
    try:
        way()
    finally:
        os.environ["PATH"] = path
    return len(log.read_text().splitlines())


def calls(root: Path) -> None:
    """The price of single calls, beside that of starting Python: on an empty record, and on one of up to 20 agents."""
    repo = GitRepo(root / "git").create()
    repo.add_spares(6)
    saved = sorted(map(str, SCREEN.rglob("*.ansi")))
    empty, twenty = root / "empty.json", root / "twenty.json"
    empty.write_text('{"agents": []}', encoding="utf-8")
    known = json.loads((root / "state.json").read_text(encoding="utf-8"))
    twenty.write_text(json.dumps({**known, "agents": known["agents"][:20]}), encoding="utf-8")
    none, some = ("--state-file", str(empty)), ("--state-file", str(twenty))
    many = f"{len(known['agents'][:20])} agents"
    price({
        BARE: [sys.executable, "-I", "-c", "pass"],
        "status --help": [*MAIN, "status", "--help"],
        "status, no agents": [*MAIN, "status", *none],
        f"status, {many}": [*MAIN, "status", *some],
        "update-agent --top": [*MAIN, "update-agent", *none, "--top", "idle_threshold_seconds=300"],
        "find-spare, 6 spares": [*MAIN, "find-spare", *none, str(repo.path)],
        f"find-spare, and {many}": [*MAIN, "find-spare", *some, str(repo.path)],
        "classify-pane --screen, 1": [*MAIN, "classify-pane", "--screen", saved[0]],
        f"history, {many}": [*MAIN, "history", *some],
        "capacity, 6 spares": [*MAIN, "capacity", *none, str(repo.path)],
        f"heartbeat, {many}": [*MAIN, "heartbeat", *some],
    })  # fmt: skip
    price(
        {
            BARE: [sys.executable, "-I", "-c", "pass"],
            f"classify-pane --screen, {len(saved)}": [*MAIN, "classify-pane", "--screen", *saved],
        }
    )


def price(ways: dict[str, list[str]]) -> None:
    """Run all in turns; print how long each takes, and how many times what Python's start takes: of the time that goes
    by, and of the processors' (its own and of what it starts), which others on the machine disturb little."""
    taken: dict[str, list[tuple[float, float]]] = {name: [spent(argv)] for name, argv in ways.items()}
    for _ in range(ROUNDS):
        for name, argv in ways.items():
            taken[name].append(spent(argv))
    least = {name: [min(column) for column in zip(*times[1:], strict=True)] for name, times in taken.items()}
    print(f"\n{'single calls':28} {'median':>10} {'least':>10} {'times':>7} {'processors':>13} {'times':>7}")
    for name, (shown, used) in least.items():
        middle = statistics.median(time for time, _ in taken[name][1:])
        times = shown / least[BARE][0], used / least[BARE][1]
        print(f"{name:28} {middle:7.1f} ms {shown:7.1f} ms {times[0]:7.2f} {used:10.1f} ms {times[1]:7.2f}", flush=True)


def spent(argv: list[str]) -> tuple[float, float]:
    """Milliseconds of one run: of the clock, and of the processors."""
    before = time.perf_counter()
    with open(os.devnull, "r+b") as nowhere:
        started = subprocess.Popen(argv, stdin=nowhere, stdout=nowhere, stderr=nowhere)
        _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise SystemExit(f"exit code {started.returncode}: {argv}")
    return (time.perf_counter() - before) * 1000, (used.ru_utime + used.ru_stime) * 1000


def table(title: str, ways: dict[str, Callable[[], object]], base: str, started: dict[str, int]) -> None:
    """Measure all ways in turns and print medians, minima and ratios of the medians."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            before = time.perf_counter()
            way()
            taken[name].append((time.perf_counter() - before) * 1000)
    print(f"\n{title:28} {'median':>10} {'least':>10} {'ratio':>7} {'tmux processes':>15}")
    unit = statistics.median(taken[base])
    for name, times in taken.items():
        middle = statistics.median(times)
        count = started.get(name, "")
        print(f"{name:28} {middle:7.1f} ms {min(times):7.1f} ms {middle / unit:7.2f} {count:>15}", flush=True)


def wait_for(there: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until it is there."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not there():
        if time.monotonic() > deadline:
            raise SystemExit("the panes did not start in time")
        pause.wait(0.02)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
