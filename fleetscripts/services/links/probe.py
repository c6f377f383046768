"""Finds the paths of programs and folders on a machine: once, by one program there."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from fleetscripts.adapters.ssh.ssh import Ssh
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.core.hosts.remote_shell import in_sh, word
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

PROBE_SECONDS = 60.0
FOLDERS = (
    "$HOME/.local/bin", "$HOME/bin", "$HOME/.npm-global/bin", "$HOME/.bun/bin", "$HOME/.volta/bin",
    "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin", "/usr/local/bin", "/usr/bin", "/bin",
    "/usr/sbin", "/sbin",
)  # fmt: skip
"""Where programs lie that the PATH of a session without a login does not have."""

PYTHONS = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")
REQUIRED = ("tmux", "git", "tar")
MOST_PATH = 4000

PROGRAM = """\
mark=$1; shift
list=
login=$(${SHELL:-/bin/sh} -l -c "echo; echo $mark; /usr/bin/env; echo $mark" </dev/null 2>/dev/null |
    sed -n "/^$mark\\$/,/^$mark\\$/s/^PATH=//p")
for folder in FOLDERS; do [ -d "$folder" ] && list=$list:$folder; done
PATH=$list${login:+:$login}
path=
IFS=:
for folder in $PATH; do
    case :$path: in *":$folder:"*) continue ;; esac
    case $folder in /*) [ -d "$folder" ] && path=${path:+$path:}$folder ;; esac
done
unset IFS
PATH=$path
echo "$mark"
echo "path=$PATH"
echo "home=$HOME"
echo "system=$(uname -sm)"
for name in "$@"; do
    found=$(command -v "$name") && case $found in /*) echo "program=$name=$found" ;; esac
done
for name in PYTHONS; do
    if command -v "$name" >/dev/null && "$name" -I -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null
    then echo "base=$(command -v "$name")"; break; fi
done
echo "$mark"
"""


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Absolute paths there. ``base``: a Python that is new enough, empty if there is none."""

    path: str
    home: str
    system: str
    base: str
    programs: dict[str, str]


def probe(ssh: Ssh) -> HostPaths:
    """Look; raises SshProblem, and FleetError if a shell there does not answer."""
    mark = f"mark{secrets.token_hex(8)}"
    names = (*REQUIRED, "gh", *(kind.name for kind in known_kinds()))
    of_clients = tuple(f"$HOME/{folder}" for kind in known_kinds() for folder in kind.program_folders)
    program = PROGRAM.replace("FOLDERS", " ".join(f'"{folder}"' for folder in (*of_clients, *FOLDERS)))
    program = program.replace("PYTHONS", " ".join(PYTHONS))
    command = in_sh(f"/bin/sh -s {word(mark)} {' '.join(names)}")
    done = ssh.run(command, program.encode(), PROBE_SECONDS)
    parts = done.stdout.decode("utf-8", "replace").split(f"{mark}\n")
    if len(parts) < 3:
        said = sanitize(done.stderr.decode("utf-8", "replace"))[:300]
        raise FleetError(f"{ssh.address}: expected a shell that runs /bin/sh -c, found {said or 'no answer'}")
    return _read(parts[-2].splitlines())


def _read(rows: Sequence[str]) -> HostPaths:
    pairs = [row.partition("=")[::2] for row in rows]
    told = dict(pairs)
    programs = dict(value.partition("=")[::2] for name, value in pairs if name == "program")
    for place in (told.get("path", "")[:MOST_PATH], told.get("home", ""), told.get("base", ""), *programs.values()):
        word(place)
    return HostPaths(
        told.get("path", "")[:MOST_PATH], told.get("home", ""), sanitize(told.get("system", "")), told.get("base", ""),
        programs,
    )  # fmt: skip
