"""One connection per host, shared by every channel and never reopened implicitly.

The user's configuration applies: it names keys, users, ports, jumps. Our options take precedence."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.ssh.problems import SshProblem, SshProblemKind
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

CHECK_SECONDS = 2.0
CONNECT_SECONDS = 15
OPEN_SECONDS = 40.0
"""For a whole log-in, including jumps."""

KEPT_SECONDS = 600
"""An unused connection is kept this long."""

EXIT_NO_CHANNEL = 255

OPTIONS: Mapping[str, str] = {
    "IgnoreUnknown": "*",
    "ConnectTimeout": str(CONNECT_SECONDS),
    "ConnectionAttempts": "1",
    "ServerAliveInterval": "10",
    "ServerAliveCountMax": "3",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "GSSAPIDelegateCredentials": "no",
    "Tunnel": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "PermitLocalCommand": "no",
    "EscapeChar": "none",
    "SessionType": "default",
    "StdinNull": "no",
    "ForkAfterAuthentication": "no",
    "LogLevel": "ERROR",
}
"""Given before the user's configuration, and so taking precedence. Host keys are checked as it says."""


@dataclass(frozen=True, slots=True)
class Ssh:
    """``socket``: the connection's. ``said``: the file for ssh's messages while it connects. ``tell`` is called with
    each new connection."""

    address: str
    socket: Path
    said: Path
    tell: Callable[[str], None] = lambda _: None

    def alive(self) -> bool:
        """Whether the connection is up, as far as this machine knows. Takes two seconds at most."""
        if not self.socket.exists():
            return False
        try:
            done = subprocess.run(self._words("-O", "check"), check=False, capture_output=True, timeout=CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        except OSError as error:
            raise FleetError(f"cannot run ssh: {error.strerror}") from error
        return done.returncode == 0

    def open(self, asking: bool = False) -> None:
        """Connect, unless connected. ``asking``: a person on the terminal answers ssh's prompts. Raises SshProblem."""
        with hold(self.socket.with_name(f"{self.socket.name}.lock"), OPEN_SECONDS):
            if self.alive():
                return
            self.socket.unlink(missing_ok=True)
            self.said.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self.said.open("wb") as said:
                self._connect(asking, None if asking else said.fileno())
            if not self.alive():
                raise SshProblem(self._told())
        self.tell(f"logged in to {self.address}")

    def _connect(self, asking: bool, stderr: int | None) -> None:
        words = self._words(
            *("-M", "-N", "-f", "-o", f"ControlPersist={KEPT_SECONDS}", "-o", f"BatchMode={'no' if asking else 'yes'}")
        )
        stdin = None if asking else subprocess.DEVNULL
        limit = None if asking else OPEN_SECONDS
        try:
            done = subprocess.run(
                words, check=False, stdin=stdin, stdout=stderr, stderr=stderr, timeout=limit, env=_environment(),
                start_new_session=not asking,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            why = f"no log-in to {self.address} in {limit:g} s: it may wait for a touch or for a slow server"
            raise SshProblem(why, SshProblemKind.OTHER) from None
        except OSError as error:
            raise FleetError(f"cannot run ssh: {error.strerror}") from error
        if done.returncode:
            raise SshProblem(self._told() or f"ssh exited with {done.returncode}")

    def _told(self) -> str:
        return self.said.read_bytes()[-4000:].decode("utf-8", "replace")

    def channel(self, command: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """A channel on the connection, with pipes. Without one it ends at once with 255: it never opens another
        connection."""
        words = ["-T", "-o", "ControlMaster=no", "-o", "BatchMode=yes", "-o", "ProxyCommand=false"]
        try:
            return subprocess.Popen(
                [*self._words(*words), command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise FleetError(f"cannot run ssh: {error.strerror}") from error

    def terminal(self, command: str) -> list[str]:
        """The command line that runs a command there on this terminal: over the connection if it is up, else over one
        of its own, which may prompt."""
        return [*self._words("-t", "-o", "ControlMaster=no", "-o", "RequestTTY=force"), command]

    def run(self, command: str, stdin: bytes = b"", seconds: float = 60) -> subprocess.CompletedProcess[bytes]:
        """A command's output there; connects if needed. Raises SshProblem, also on a timeout."""
        self.open()
        process = self.channel(command)
        try:
            stdout, stderr = process.communicate(stdin, seconds)
        except subprocess.TimeoutExpired:
            raise SshProblem(f"{self.address} did not answer in {seconds:g} s", SshProblemKind.OTHER) from None
        finally:
            end(process)
        if process.returncode == EXIT_NO_CHANNEL:
            raise SshProblem(stderr.decode("utf-8", "replace"))
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def close(self) -> None:
        """End the connection and all its channels."""
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):
            subprocess.run(self._words("-O", "exit"), check=False, capture_output=True, timeout=CHECK_SECONDS)
        self.socket.unlink(missing_ok=True)

    def _words(self, *words: str) -> list[str]:
        ours = [word for name, value in OPTIONS.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", *words, "-o", f"ControlPath={self.socket}", *ours, "--", self.address]


def end(process: subprocess.Popen[bytes]) -> None:
    """End a channel's ssh, and close its pipes."""
    process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


def _environment() -> dict[str, str]:
    """Ours, with ssh's messages in English, and without a dead agent: ssh would wait for it, or exit."""
    environ = dict(os.environ)
    if locale := environ.pop("LC_ALL", ""):
        environ["LANG"] = locale
    environ["LC_MESSAGES"] = "C"
    agent = environ.get("SSH_AUTH_SOCK", "")
    if agent and not _answers(agent):
        del environ["SSH_AUTH_SOCK"]
    return environ


def _answers(path: str) -> bool:
    import socket

    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(CHECK_SECONDS)
            client.connect(path)
    except OSError:
        return False
    return True
