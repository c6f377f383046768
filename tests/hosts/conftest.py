"""Practice hosts that end with the test."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetscripts.practice.install import install
from fleetscripts.practice.ssh_host import SshClient, SshHost
from tests.hosts.network import Network, only_where_possible
from tests.places import BUNDLE

MakeHost = Callable[..., SshHost]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose sockets have short names."""
    folder = Path(tempfile.mkdtemp(prefix="fh", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ssh_client(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> SshClient:
    """The user's ssh, first on PATH; it knows the hosts after ``knows``."""
    client = SshClient(short_folder / "client").create()
    monkeypatch.setenv("PATH", str(client.bin), prepend=":")
    return client


@pytest.fixture
def ssh_host(short_folder: Path, ssh_client: SshClient) -> Iterator[MakeHost]:
    """``ssh_host("alpha", lines=["MaxSessions 2"])``: a host on loopback whose sshd runs; the client knows all."""
    made: list[SshHost] = []

    def make(name: str, **more: object) -> SshHost:
        host = SshHost(short_folder / name, name, **more)  # type: ignore[arg-type]
        furnish(host)
        host.start(ssh_client.public_key)
        made.append(host)
        ssh_client.knows(made)
        return host

    yield make
    for host in made:
        host.stop()


@pytest.fixture
def network(short_folder: Path) -> Iterator[Network]:
    """Namespaces of this machine, joined by links that can be set down."""
    only_where_possible()
    made = Network(short_folder)
    yield made
    made.close()


def furnish(host: SshHost) -> None:
    """What a host's user has there: a practice client on PATH, git's name, and our packages without a network."""
    host.home.mkdir(parents=True, exist_ok=True)
    programs = host.home / "bin"
    install(programs)
    host.variables = {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", **host.variables}
    (host.home / ".gitconfig").write_text("[user]\nname = There\nemail = there@localhost\n", encoding="utf-8")
    digest = (BUNDLE / "requirements" / "runtime.txt").read_text(encoding="utf-8").split("\n")[0].split()[2]
    data = host.home / ".local" / "share" / "fleetscripts"
    data.mkdir(parents=True, exist_ok=True)
    (data / f"env-{digest}").symlink_to(sys.prefix)
