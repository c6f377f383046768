"""The ssh connection of one host, the socket of its link, and the command that opens the host's end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fleetscripts.adapters.records.log_file import LogFile
from fleetscripts.adapters.ssh.sockets import socket_path
from fleetscripts.adapters.ssh.ssh import Ssh
from fleetscripts.config import Settings
from fleetscripts.core.hosts.remote_shell import in_sh, word
from fleetscripts.services.hosts.registry import Host


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
