"""A stage for a fleet: a home, a tmux server and a client on it, isolated from the rest of the machine.

With a real client the server and the scripted model run in a network namespace with loopback only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.errors import FleetError
from fleetscripts.practice.install import NAME, install
from fleetscripts.practice.real_client import CLAUDE, RealClient

START_SECONDS = 20.0
STOP_SECONDS = 2.0
SESSION = "fleet"

_OURS = ("FLEET_", "ORCHESTRATOR_", "CLAUDE", "CODEX", "ANTHROPIC", "OPENAI", "TMUX", "PRACTICE_", "DISCORD_", "GIT_")
_BUNDLE = Path(__file__).resolve().parents[2]

# $1 the model's module, $2 the file for its port, $3 python, $4 tmux's socket, the rest tmux's command line. Ends with
# the server, unless the port's file has a neighbour ``.keep``: a server may then be started anew. What Codex needs
# stays out of the server's environment: whoever starts a client has to pass it on.
_ENCLOSED = """
ip link set lo up || exit 1
model=$1 port_file=$2 python=$3 socket=$4; shift 4
"$python" -m "$model" --port-file "$port_file" >/dev/null &
until [ -s "$port_file" ]; do kill -0 $! || exit 1; sleep 0.05; done
ANTHROPIC_BASE_URL=http://127.0.0.1:$(cat "$port_file"); export ANTHROPIC_BASE_URL
unset PYTHONPATH CODEX_HOME PRACTICE_MODEL_KEY
"$@" || exit 1
while tmux -L "$socket" has-session 2>/dev/null || [ -e "$port_file.keep" ]; do sleep 1; done
"""


@dataclass(slots=True)
class Stage:
    """The paths under ``folder``. ``client``: the real client's program, None for the practice agent; ``needs``: what
    that real client needs here."""

    folder: Path
    client: Path | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    socket: str = field(default_factory=lambda: f"demo-{uuid.uuid4().hex[:8]}")
    needs: RealClient = CLAUDE
    _enclosure: subprocess.Popen[bytes] | None = None

    @property
    def real(self) -> RealClient | None:
        """What the real client here needs; None for the practice agent."""
        return None if self.client is None else self.needs

    @property
    def kind(self) -> str:
        """The agent kind used here."""
        return "practice" if self.real is None else self.real.kind

    @property
    def program(self) -> Path:
        """The program that starts an agent here."""
        return self.folder / "bin" / NAME if self.client is None else self.client

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        """A script's environment to work on this stage and nowhere else."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{self.program.parent}:{os.environ.get('PATH', os.defpath)}",
            "TERM": "xterm-256color",
            "TMUX_TMPDIR": str(self.folder),
            "FLEET_TMUX_SOCKET": self.socket,
            "FLEET_HOME": str(self.folder / "fleet"),
            "ORCHESTRATOR_STATE_FILE": str(self.folder / "state.json"),
            **({} if self.real is None else self.real.environment(self.folder)),
            **self.extra,
        }

    def client_folder(self) -> dict[str, str]:
        """The client's folder variable, for users with a HOME of their own."""
        return {"CLAUDE_CONFIG_DIR": str(self.home / ".claude")}

    def start(self, session: str = SESSION, size: tuple[int, int] = (140, 45)) -> None:
        """Starts the tmux server with one session, whose first window is a shell."""
        self.home.mkdir(parents=True, exist_ok=True)
        argv = ["tmux", "-u", "-L", self.socket, "-f", "/dev/null", "new-session", "-d", "-s", session]
        argv += ["-x", str(size[0]), "-y", str(size[1]), "-c", str(self.folder)]
        if self.client is None:
            install(self.folder / "bin")
            done = subprocess.run(argv, env=self.environment(), capture_output=True, text=True, check=False)
            if done.returncode:
                raise FleetError(f"tmux could not start: {done.stderr.strip()}")
            return
        self._enclose(argv, self.needs)

    def _enclose(self, argv: list[str], real: RealClient) -> None:
        missing = [name for name in ("unshare", "ip") if shutil.which(name) is None]
        if sys.platform != "linux" or missing:
            raise FleetError(
                "expected Linux with unshare and ip, so that the real client reaches nothing outside; "
                f"found {', '.join(missing) or sys.platform}: use the practice agent"
            )
        unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
        command = [*unshare, "sh", "-c", _ENCLOSED, "enclosed", real.model, str(self.folder / "port")]
        command += [sys.executable, self.socket, *argv]
        log = (self.folder / "enclosure.log").open("wb")
        environment = {**self.environment(), "PYTHONPATH": str(_BUNDLE)}
        self._enclosure = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.tmux("has-session"):
            if self._enclosure.poll() is not None or time.monotonic() > deadline:
                problem = (self.folder / "enclosure.log").read_text(encoding="utf-8", errors="replace").strip()
                raise FleetError(f"the loopback-only namespace did not come up: {problem or 'no answer in time'}")
            time.sleep(0.05)
        real.configure(self.folder, int((self.folder / "port").read_text(encoding="utf-8")))

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` in the stage's namespace, without a network."""
        if self._enclosure is None:
            return list(argv)
        as_user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self._enclosure.pid), *as_user, "--net", *argv]

    def keep_enclosed(self) -> None:
        """Let the namespace outlast the tmux server, until ``stop``."""
        (self.folder / "port.keep").touch()

    def tmux(self, *arguments: str) -> str | None:
        """Runs one tmux client; returns its output, None if it fails."""
        argv = ["tmux", "-u", "-L", self.socket, *arguments]
        done = subprocess.run(argv, env=self.environment(), capture_output=True, text=True, check=False)
        return done.stdout.rstrip("\n") or " " if done.returncode == 0 else None

    def stop(self) -> None:
        """Ends the server with everything in it, and the namespace; returns when all of it is gone."""
        pids = self._pids()
        self.tmux("kill-server")
        if self._enclosure is not None:
            self._enclosure.terminate()
            self._enclosure.wait(timeout=START_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        while alive := [pid for pid in pids if _alive(pid)]:
            if time.monotonic() > deadline:
                for pid in alive:
                    os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.02)

    def _pids(self) -> list[int]:
        """Everything on the terminals of our panes, or in our namespace: a process that outlives its pane would still
        write, and a client's background server has no terminal."""
        return [*self._on_terminals(), *self._enclosed()]

    def _enclosed(self) -> list[int]:
        enclosure = self._enclosure
        inside = _network_of(Path(f"/proc/{enclosure.pid}")) if enclosure is not None else None
        if inside is None or inside == _network_of(Path("/proc/self")):
            return []
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _network_of(path) == inside]

    def _on_terminals(self) -> list[int]:
        terminals = (self.tmux("list-panes", "-a", "-F", "#{pane_tty}") or "").split()
        if not terminals:
            return []
        argv = ["ps", "-o", "pid=", "-t", ",".join(name.removeprefix("/dev/") for name in terminals)]
        return [int(pid) for pid in subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()]


def _network_of(process: Path) -> str | None:
    """The network namespace of a process; None if it is gone or not ours."""
    try:
        return str((process / "ns" / "net").readlink())
    except OSError:
        return None


def _alive(pid: int) -> bool:
    """Whether a process is still running; a zombie is not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return (
            not stat.exists() or stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False
