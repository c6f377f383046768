"""A practice host: a real sshd, with keys, a home and a tmux of its own. Needs no root; ends with ``stop``.

ssh reads the user's configuration from the account's home whatever HOME is, so clients of these hosts call the ``ssh``
of ``SshClient.bin``, which reads the one written here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.errors import FleetError

START_SECONDS = 10.0
LOOPBACK = "127.0.0.1"
PRIVILEGE_SEPARATION = Path("/run/sshd")
"""An sshd run by root needs this folder; systems that start it by hand lack it."""

_LAUNCHER = """#!/bin/sh
exec {ssh} -F {config} "$@"
"""


@dataclass(slots=True)
class SshHost:
    """One sshd and its sessions' home. ``variables`` are set in every session's environment, ``lines`` are added to
    sshd's configuration (the first mention of an option counts: ``MaxSessions 2``), ``inside`` precedes sshd's command
    line (``ip netns exec …``)."""

    folder: Path
    name: str
    address: str = LOOPBACK
    port: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[str] = ()
    inside: Sequence[str] = ()
    _process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def log(self) -> Path:
        """sshd's log; one line "Connection from" for each handshake."""
        return self.folder / "sshd.log"

    @property
    def pid(self) -> int:
        """Of the listening sshd."""
        if self._process is None:
            raise FleetError(f"the sshd of {self.name} does not run")
        return self._process.pid

    def handshakes(self) -> int:
        """Connections made to it so far."""
        said = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return said.count("Connection from ")

    def start(self, public_key: str) -> None:
        """Start sshd for the holder of the key; returns when it listens. Raises FleetError if it does not."""
        program = shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise FleetError("expected sshd (openssh-server), found none")
        self.home.mkdir(parents=True, exist_ok=True)
        key = self.folder / "host_key"
        if not key.exists():
            make_key(key)
        (self.folder / "authorized_keys").write_text(public_key, encoding="utf-8")
        self.port = self.port or free_port()
        (self.folder / "sshd_config").write_text("\n".join(self._config()) + "\n", encoding="utf-8")
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        command = [*self.inside, program, "-D", "-E", str(self.log), "-f", str(self.folder / "sshd_config")]
        nothing = subprocess.DEVNULL  # it may outlive the one who reads our output to its end
        self._process = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
        self._listens()

    def stop(self) -> None:
        """End sshd and every session that it started."""
        if self._process is not None:
            for pid in (*_children(self._process.pid), self._process.pid):
                subprocess.run(["kill", "-KILL", str(pid)], check=False, capture_output=True)
            self._process.wait()
            self._process = None

    def _listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            if self.log.exists() and "Server listening" in self.log.read_text(encoding="utf-8", errors="replace"):
                return
            time.sleep(0.02)
        said = self.log.read_text(encoding="utf-8", errors="replace").strip() if self.log.exists() else "nothing"
        raise FleetError(f"the sshd of {self.name} does not listen; it said: {said}")

    def _config(self) -> list[str]:
        variables = {"HOME": str(self.home), "TMUX_TMPDIR": str(self.folder), **self.variables}
        return [
            *self.lines,
            f"ListenAddress {self.address}",
            f"Port {self.port}",
            f"HostKey {self.folder / 'host_key'}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            f"PidFile {self.folder / 'sshd.pid'}",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 100:30:200",
            "LogLevel VERBOSE",
            "SetEnv " + " ".join(f'"{name}={value}"' for name, value in variables.items()),
        ]


@dataclass(frozen=True, slots=True)
class SshClient:
    """A user's ssh: a key, a configuration with the practice hosts' names, and trusted host keys."""

    folder: Path

    @property
    def bin(self) -> Path:
        """For the front of PATH: the folder of an ``ssh`` that reads this configuration."""
        return self.folder / "bin"

    @property
    def public_key(self) -> str:
        return (self.folder / "key.pub").read_text(encoding="utf-8")

    def create(self) -> SshClient:
        """Create the key and the programs."""
        self.bin.mkdir(parents=True)
        make_key(self.folder / "key")
        for name in ("ssh", "scp"):
            real = shutil.which(name)
            if real is None:
                raise FleetError(f"expected {name} (openssh-client), found none")
            launcher = self.bin / name
            launcher.write_text(_LAUNCHER.format(ssh=real, config=self.folder / "config"), encoding="utf-8")
            launcher.chmod(0o755)
        return self

    def knows(self, hosts: Sequence[SshHost], through: Mapping[str, tuple[str, int]] | None = None) -> None:
        """Write the configuration: hosts by name, keys trusted; ``through``: address and port to connect to instead."""
        ways = dict(through or {})
        blocks, trusted = [], []
        for host in hosts:
            address, port = ways.get(host.name, (host.address, host.port))
            key = (host.folder / "host_key.pub").read_text(encoding="utf-8").split()
            trusted.append(f"{host.name} {key[0]} {key[1]}")
            blocks += [f"Host {host.name}", f"  HostName {address}", f"  Port {port}", f"  HostKeyAlias {host.name}"]
        (self.folder / "known_hosts").write_text("\n".join(trusted) + "\n", encoding="utf-8")
        common = [
            "Host *",
            f"  IdentityFile {self.folder / 'key'}",
            "  IdentitiesOnly yes",
            f"  UserKnownHostsFile {self.folder / 'known_hosts'}",
            "  GlobalKnownHostsFile none",
        ]
        (self.folder / "config").write_text("\n".join([*blocks, *common]) + "\n", encoding="utf-8")


def make_key(file: Path) -> None:
    """A fresh key without passphrase in ``file`` and ``file.pub``."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "practice", "-f", str(file)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    """All descendants of a process, deepest first: sshd's sessions leave its process group."""
    listing = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    below = [child for child, parent in parents.items() if parent == pid]
    return [deeper for child in below for deeper in (*_children(child), child)]
