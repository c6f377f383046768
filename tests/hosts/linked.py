"""Hosts that are linked, for tests: with an entry here, and links that end with the test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.host_files import HostFiles
from fleetscripts.config import Settings
from fleetscripts.practice.ssh_host import SshHost
from fleetscripts.services.context import load_settings_here
from fleetscripts.services.hosts.mirrors import HostView, LinkState, read_link, view_of
from fleetscripts.services.hosts.registry import Host, host_named, keep
from fleetscripts.services.links.asking import Reply, call
from fleetscripts.services.links.connection import ssh_of
from fleetscripts.services.links.processes import keep_links
from tests.places import BUNDLE
from tests.waiting import wait_until


@dataclass(frozen=True)
class LinkedHost:
    """One host as this machine has it: ``there`` is its sshd, ``host`` its entry."""

    settings: Settings
    there: SshHost
    host: Host

    @property
    def files(self) -> HostFiles:
        return self.host.files(self.settings)

    @property
    def fleet_home(self) -> Path:
        """FLEET_HOME there."""
        return Path(self.host.fleet_home)

    @property
    def state_file(self) -> Path:
        """The state file there."""
        return Path(self.host.state_file)

    @property
    def log(self) -> str:
        """What the link says."""
        return self.files.log.read_text(encoding="utf-8") if self.files.log.exists() else ""

    def call(self, *argv: str, stdin: bytes = b"", timeout: float = 30) -> Reply:
        return call(self.settings, self.host, argv, stdin, timeout)

    def view(self) -> HostView:
        return view_of(self.settings, host_named(self.settings, self.host.name), time.time())

    def link(self) -> LinkState:
        return read_link(self.files)

    def begin(self) -> None:
        """Start the link, and wait until the host is reached."""
        keep_links(self.settings, [self.host])
        self.reached()

    def reached(self, seconds: float = 20) -> HostView:
        """Wait until the host is reached."""
        return wait_until(self._reached, seconds, lambda: f"{self.host.name}: {self.view()} {self.log}")

    def lost(self, seconds: float = 45) -> HostView:
        """Wait until it is not."""
        wait_until(lambda: not self.view().reachable, seconds, lambda: f"{self.view()} {self.log}")
        return self.view()

    def _reached(self) -> HostView | None:
        view = self.view()
        return view if view.reachable else None

    def put(self, *agents: Mapping[str, Any], **top: Any) -> None:
        """Write the state file there, whole."""
        self.state_file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.state_file.with_suffix(".fresh")
        fresh.write_text(json.dumps({"active": True, "agents": list(agents), **top}), encoding="utf-8")
        fresh.replace(self.state_file)

    def end(self) -> None:
        """End the link's process."""
        with contextlib.suppress(ProcessLookupError):
            if pid := self.link().pid:
                os.kill(pid, signal.SIGKILL)


def linked(there: SshHost, programs: Sequence[Path] = (), address: str = "", **more: str) -> LinkedHost:
    """An entry for the host, whose program is this bundle itself."""
    settings = load_settings_here(os.environ)
    path = ":".join([*map(str, programs), str(there.home / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
    host = Host(
        there.name,
        address or there.name,
        python=sys.executable,
        bundle=str(BUNDLE),
        path=path,
        fleet_home=more.pop("fleet_home", str(there.home / "fleet")),
        state_file=more.pop("state_file", str(there.home / "state" / "state.json")),
        tmux_socket="there",
        **more,  # type: ignore[arg-type]
    )
    return LinkedHost(settings, there, keep(settings, host))


def agent(number: int, **more: object) -> dict[str, object]:
    return {
        "id": f"agent{number}",
        "window": f"fleet:{number}",
        "worktree": f"tree-{number}",
        "state": "running",
        **more,
    }


def helpers(host: SshHost) -> list[int]:
    """The host's ends of links, by their processes; not what they start, which has their name for a moment."""
    found = [pid for pid in processes("host --stdio.*") if environment_of(str(pid)).get("HOME") == str(host.home)]
    return [pid for pid in found if parent_of(pid) not in found]


def masters(host: LinkedHost) -> list[int]:
    """The process of the host's shared connection."""
    return processes(f"ssh .*-M .*ControlPath={ssh_of(host.settings, host.host).socket}")


def processes(words: str) -> list[int]:
    """Those whose command line has these words."""
    found = subprocess.run(["pgrep", "-f", words], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


def parent_of(pid: int) -> int:
    """0 where it has ended, also where nobody has asked for its end."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def environment_of(pid: str) -> dict[str, str]:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return {}
    return dict(entry.partition("=")[::2] for entry in entries)
