"""Practice hosts that end with the test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetscripts.practice.host_home import end_session, furnish
from fleetscripts.practice.ssh_host import SshClient, SshHost
from tests.hosts.network import Network, only_where_possible

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
        end_session(host)
        host.stop()


@pytest.fixture
def network(short_folder: Path) -> Iterator[Network]:
    """Namespaces of this machine, joined by links that can be set down."""
    only_where_possible()
    made = Network(short_folder)
    yield made
    made.close()
