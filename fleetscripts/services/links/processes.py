"""The links' processes: one per host, started by whoever needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from itertools import pairwise

from fleetscripts.adapters.records.files import private_folder
from fleetscripts.adapters.records.locks import LockTaken, hold
from fleetscripts.adapters.system.processes import arguments, read_trees
from fleetscripts.config import Settings
from fleetscripts.services.hosts.mirrors import read_link
from fleetscripts.services.hosts.registry import Host, host_named, hosts
from fleetscripts.services.links.connection import link_socket, ssh_of
from fleetscripts.services.links.link import Link
from fleetscripts.services.worktrees.bundle import start_detached

END_SECONDS = 5.0
PAUSE_SECONDS = 0.02
MOMENT_SECONDS = 1.0
"""How long a mere check for a running link may hold its lock."""


def keep_links(settings: Settings, wanted: Iterable[Host] | None = None) -> tuple[str, ...]:
    """Start the missing links of all hosts or of these; returns the names of those started."""
    missing = [host for host in (hosts(settings) if wanted is None else wanted) if not host.gone_at]
    missing = [host for host in missing if not link_runs(settings, host)]
    for host in missing:
        _start(settings, host)
    return tuple(host.name for host in missing)


def link_runs(settings: Settings, host: Host) -> bool:
    """Whether its process is alive."""
    try:
        with hold(host.files(settings).lock, 0):
            return False
    except LockTaken:
        return True


def end_link(settings: Settings, host: Host) -> None:
    """End its process, the connection, and with it the host's end; returns when that is done."""
    deadline = time.monotonic() + END_SECONDS
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while link_runs(settings, host) and time.monotonic() < deadline:
            if pid := read_link(host.files(settings)).pid:
                _kill(pid, host.name)
            time.sleep(PAUSE_SECONDS)
    link_socket(settings, host).unlink(missing_ok=True)
    ssh_of(settings, host).close()


def _kill(pid: int, name: str) -> None:
    """End that link, and a log-in of its that is under way; not a process that has since got its pid."""
    table = read_trees([pid])
    link = table.by_pid.get(pid)
    if link is None or ("link", name) not in pairwise(arguments(link)):
        return
    for process in list(table.tree(pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def hold_link(settings: Settings, name: str) -> None:
    """Become the host's link, unless there is one."""
    host = host_named(settings, name)
    try:
        with hold(host.files(settings).lock, MOMENT_SECONDS):
            Link(settings, host).run()
    except LockTaken:
        return


def _start(settings: Settings, host: Host) -> None:
    files = host.files(settings)
    private_folder(files.folder)
    places = ["--fleet-home", str(settings.fleet_home), "--state-file", str(settings.state_file)]
    with open(files.folder / "link.err", "wb") as said:
        start_detached(settings.fleet_home, ["hosts", "link", host.name, *places], said, settings.home)
