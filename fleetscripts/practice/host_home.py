"""A practice host's home: a practice client on PATH, git's name, a repository, and a tmux session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fleetscripts.errors import FleetError
from fleetscripts.practice.install import install
from fleetscripts.practice.playground import Playground
from fleetscripts.practice.ssh_host import SshHost

SESSION = "fleet"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_LOCK = Path(__file__).resolve().parents[2] / "requirements" / "runtime.txt"


def furnish(host: SshHost) -> None:
    """Fill the host's home before its sshd starts. Our packages are those of this very Python: no network is needed."""
    programs = host.home / "bin"
    host.home.mkdir(parents=True, exist_ok=True)
    install(programs)
    host.variables = {"PATH": f"{programs}:{SYSTEM_PATH}", **host.variables}
    (host.home / ".gitconfig").write_text(
        "[user]\nname = Practice\nemail = practice@localhost\n[commit]\ngpgsign = false\n", encoding="utf-8"
    )
    digest = _LOCK.read_text(encoding="utf-8").split("\n", 1)[0].split()[2]
    data = host.home / ".local" / "share" / "fleetscripts"
    data.mkdir(parents=True, exist_ok=True)
    (data / f"env-{digest}").symlink_to(sys.prefix)


def environment_of(host: SshHost) -> dict[str, str]:
    """The environment of a program that its user starts there on a terminal."""
    return {
        "HOME": str(host.home),
        "TMUX_TMPDIR": str(host.folder),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "SHELL": "/bin/sh",
        **host.variables,
    }


def playground_of(host: SshHost, spares: int, origin: Path | None = None) -> Playground:
    """The host's own clone with its spare worktrees; of ``origin`` if given."""
    made = Playground(host.folder / "git", origin)
    made.build(spares, environment_of(host))
    return made


def begin_session(host: SshHost, folder: Path) -> None:
    """A tmux server there, with one session."""
    tmux(host, "-f", "/dev/null", "new-session", "-d", "-s", SESSION, "-x", "140", "-y", "45", "-c", str(folder))


def end_session(host: SshHost) -> None:
    """Ends that server, if there is one, and all that runs in it."""
    command = ["tmux", "kill-server"]
    subprocess.run(command, env=environment_of(host), check=False, capture_output=True)


def tmux(host: SshHost, *arguments: str) -> str:
    """The output of one tmux client there; raises FleetError if it fails."""
    command = [*host.inside, "tmux", "-u", *arguments]
    environment = {**environment_of(host), "PATH": f"{host.variables['PATH']}:{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise FleetError(f"{host.name}: tmux {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")
