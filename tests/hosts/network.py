"""Hosts in network namespaces of their own, joined to this one by veth pairs; needs root on Linux."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleetscripts.practice.ssh_host import SshHost


def only_where_possible() -> None:
    """Skip where namespaces cannot be made."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only for root on Linux: network namespaces and veth pairs")


@dataclass
class Network:
    """``host(n)`` makes the n-th namespace with an sshd to start in it; ``down``/``up`` set its link."""

    folder: Path
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:5])
    hosts: dict[int, SshHost] = field(default_factory=dict)

    def host(self, number: int, **more: object) -> SshHost:
        """A namespace with an address of its own; its sshd is not started yet."""
        space, near, far = self._space(number), self._near(number), f"b{self.tag}{number}"
        block = f"10.{(int(self.tag, 16) % 200) + 20}.{number}"
        _ip("netns", "add", space)
        _ip("link", "add", near, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", space)
        _ip("addr", "add", f"{block}.1/24", "dev", near)
        _ip("link", "set", near, "up")
        for line in (f"addr add {block}.2/24 dev {far}", f"link set {far} up", "link set lo up"):
            _ip("-n", space, *line.split())
        folder = self.folder / f"host{number}"
        folder.mkdir(parents=True)
        inside = ("ip", "netns", "exec", space)
        made = SshHost(folder, f"host{number}", f"{block}.2", 22, inside=inside, **more)  # type: ignore[arg-type]
        self.hosts[number] = made
        return made

    def down(self, number: int) -> None:
        """Take the link away: packets vanish, nobody is told."""
        _ip("link", "set", self._near(number), "down")

    def up(self, number: int) -> None:
        """Give the link back."""
        _ip("link", "set", self._near(number), "up")

    def close(self) -> None:
        """End the hosts and remove the namespaces, which takes the links with them."""
        for number, host in self.hosts.items():
            host.stop()
            for pid in _output("ip", "netns", "pids", self._space(number)).split():
                subprocess.run(["kill", "-KILL", pid], check=False, capture_output=True)
            _ip("netns", "del", self._space(number))

    def _space(self, number: int) -> str:
        return f"fleet{self.tag}{number}"

    def _near(self, number: int) -> str:
        return f"a{self.tag}{number}"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


def _output(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout
