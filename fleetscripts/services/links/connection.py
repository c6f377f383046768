"""The ssh connection of one host, its socket and that of its link, and the command that opens the host's end."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from fleetscripts.adapters.records.log_file import LogFile
from fleetscripts.adapters.ssh.ssh import Ssh
from fleetscripts.config import Settings
from fleetscripts.core.hosts.remote_shell import in_sh, word
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern
from fleetscripts.services.hosts.registry import Host

MOST_BYTES = 103
"""Of a socket's path, the shortest limit among systems (macOS)."""
SSH_ADDS = 17
"""ssh uses a longer name while it creates its socket."""
OTHERS = 0o077
"""The permissions of everybody but the user."""
_PLAIN = pattern(r"/[A-Za-z0-9_./-]*")
"""ssh would read a percent sign or a blank in the path of a socket."""


def ssh_of(settings: Settings, host: Host, tell: Callable[[str], None] = lambda _: None) -> Ssh:
    """The connection shared by the link and every command. ``tell`` is called with each log-in, as for the link's
    log."""
    files = host.files(settings)
    log = LogFile(files.log)

    def both(line: str) -> None:
        log.write(line)
        tell(line)

    socket = socket_path("c", str(settings.fleet_home), host.name, host.address)
    return Ssh(host.address, socket, files.folder / "ssh.log", both)


def link_socket(settings: Settings, host: Host) -> Path:
    """Where the link's process accepts calls."""
    return socket_path("l", str(settings.fleet_home), host.name)


def remote_command(host: Host, argv: Sequence[str]) -> str:
    """The line with which a login shell there runs a command of ours: with absolute paths, and a PATH with all it
    needs. Raises FleetError for a word that a shell might interpret."""
    program = (host.python, "-I", "-X", "utf8", f"{host.bundle}/fleetscripts/__main__.py")
    return in_sh(f"cd; {variables(host)} exec {' '.join(map(word, (*program, *argv)))}")


def link_command(host: Host, nonce: str, epoch: int) -> str:
    """The command that starts the host's end of a link."""
    return remote_command(host, ["host", "--stdio", "--nonce", nonce, "--epoch", str(epoch)])


def variables(host: Host) -> str:
    """The environment of everything that we run there, in a shell's syntax."""
    given = {
        "PATH": host.path,
        "FLEET_HOME": host.fleet_home,
        "ORCHESTRATOR_STATE_FILE": host.state_file,
        "FLEET_TMUX_SOCKET": host.tmux_socket,
    }
    return " ".join(f"{name}={word(value)}" for name, value in given.items() if value)


def socket_folder() -> Path:
    """The folder for sockets, created if needed. FleetError unless it is the user's alone."""
    runtime, own = os.environ.get("XDG_RUNTIME_DIR", ""), os.getuid()
    places = ([Path(runtime) / "fleet"] if _PLAIN.fullmatch(runtime) else []) + [Path(f"/tmp/fleet-{own}")]
    problem = ""
    for place in places:
        if len(os.fsencode(place)) + len("/c-0123456789ab") + SSH_ADDS > MOST_BYTES:
            continue
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            found = place.lstat()
        except OSError as error:
            problem = f"cannot make {place}: {error.strerror}"
            continue
        if stat.S_ISDIR(found.st_mode) and found.st_uid == own and not found.st_mode & OTHERS:
            return place
        problem = f"{place} is not a folder of yours alone (mode 700)"
    raise FleetError(f"no place for sockets: {problem}")


def socket_path(kind: str, *names: str) -> Path:
    """The socket of one kind (a letter) for these names."""
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return socket_folder() / f"{kind}-{digest}"
