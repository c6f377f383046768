"""Practice hosts that end with the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.host_home import end_session, furnish
from fleetscripts.practice.ssh_host import SshClient, SshHost
from tests.hosts.linked import LinkedHost, linked
from tests.hosts.network import Network, only_where_possible

MakeHost = Callable[..., SshHost]
MakeLinked = Callable[..., LinkedHost]


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


@pytest.fixture
def make_linked(ssh_host: MakeHost, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeLinked]:
    """``make_linked("alpha", lines=[…], variables={…})``: a host with an entry; links end with the test."""
    folder = short_folder / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    made: list[LinkedHost] = []

    def make(
        name: str = "alpha", lines: Sequence[str] = (), variables: Mapping[str, str] = {}, **more: Any
    ) -> LinkedHost:
        made.append(linked(ssh_host(name, lines=lines, variables=variables), **more))
        return made[-1]

    yield make
    for one in made:
        one.end()
        subprocess.run(
            ["tmux", "-L", "there", "kill-server"],
            env={**os.environ, "TMUX_TMPDIR": str(one.there.folder)},
            capture_output=True,
        )
