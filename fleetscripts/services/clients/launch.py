"""Starts a client in a window without typing: in a new window, or in place of an idle shell.

The window runs a small wrapper: it starts the client as a job of its own (so that tmux names it as the pane's command),
and after its end the user's shell, in the same folder. That shell parses nothing, whatever was at its prompt."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from fleetscripts.adapters.tmux.guard import Guard
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents.kinds import CommandLine, known_kinds
from fleetscripts.core.planning.classify import is_shell
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.models import PaneFacts
from fleetscripts.pattern import pattern
from fleetscripts.services.observe.launching import WRAPPER

WORKTREE_VARIABLE = "FLEET_WORKTREE"
"""In the environment of all that a client starts: the worktree it was started for."""

COMMON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "FLEET_HOME",
    "FLEET_TMUX_SOCKET",
    "ORCHESTRATOR_STATE_FILE",
    "SSH_AUTH_SOCK",
)
"""Of our own environment, what a client of any kind gets."""

# In order: a key pressed as the client ends must not end the wrapper and with it the window; a stopped client (Ctrl-Z)
# is continued, since the shell after it could not; what a client left of its own process group (a native process whose
# wrapper was killed) would go on with the conversation unseen, and is ended; what a client was sent and died before
# reading would be run by the shell, and is thrown away; a killed one leaves the alternate screen,
# mouse and paste modes on, which are switched off; then the shell that tmux gives every window.
_AFTERWARDS = r"""
trap : INT QUIT
noted=$(mktemp "${TMPDIR:-/tmp}/fleet-launch.XXXXXX" 2>/dev/null) || noted=/dev/null
exec 3>"$noted" 4<"$noted"
[ "$noted" = /dev/null ] || rm -f "$noted"
set -m
/bin/sh -c 'echo "$$" >&3; exec 3>&- 4<&-; exec "$@"' fleet-client "$@"
status=$?
while [ "$status" -gt 144 ] && [ "$status" -lt 151 ]; do fg >/dev/null 2>&1; status=$?; done
read -r group <&4
exec 3>&- 4<&-
if [ "${group:-0}" -gt 1 ] 2>/dev/null && kill -s TERM -- "-$group" 2>/dev/null; then
    left=20
    while [ "$left" -gt 0 ] && kill -s 0 -- "-$group" 2>/dev/null; do sleep 0.1; left=$((left - 1)); done
    kill -s KILL -- "-$group" 2>/dev/null
fi
set +m
stty -echo -icanon min 0 time 1 2>/dev/null && cat >/dev/null 2>&1
stty sane 2>/dev/null
printf '\033[?1049l\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1l\033>\033[?25h\033[0m'
export FLEET_CLIENT_ENDED="$$ $status ${group:-0}"
exec "${SHELL:-/bin/sh}" -i
"""

JOIN = (sys.executable, "-I", str(Path(__file__).resolve().parents[2] / "join_scope.py"))
"""Puts the wrapper and its future children into a scope."""


_NAME = pattern(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Start:
    """What to start and where. ``environment``: names and values besides those of the window's own."""

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def passed_on() -> tuple[str, ...]:
    """Names in our own environment that a client gets: those of every kind, since one may be handed over to another.

    The rest is as for any window of this tmux server. Values travel through tmux's standard input: no argument list
    ever shows one."""
    return tuple(dict.fromkeys((*COMMON, *(name for kind in known_kinds() for name in kind.passed_on))))


def start_of(
    command: CommandLine, folder: Path, environ: Mapping[str, str], needed: Sequence[str] = (), memory: int = 0
) -> Start:
    """The wrapper's argv for a client's command line and its environment. ``needed``: names besides ours. ``memory``:
    its limit in bytes for all processes together, 0 for none."""
    names = (*passed_on(), *(name for name in needed if _NAME.fullmatch(name)))
    environment = {name: environ[name] for name in names if environ.get(name)} | dict(command.env_set)
    unset = [name for name in command.env_unset if name not in command.env_set]
    for name in (*unset, *environment):
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name for the environment: {name!r}")
    for name in unset:
        environment.pop(name, None)
    environment[WORKTREE_VARIABLE] = str(folder)
    limited = f'{shlex.join(JOIN)} "$$" {memory}\n' if memory else ""
    script = (f"unset {' '.join(unset)}\n" if unset else "") + limited + _AFTERWARDS.strip()
    return Start(("/bin/sh", "-c", script, WRAPPER, *command.argv), folder, environment)


def open_window(tmux: Tmux, session: str, name: str, start: Start) -> PaneFacts:
    """Open the client in a new window of the session."""
    return tmux.new_window(session, name, start.folder, start.argv, start.environment)


def restart_in(tmux: Tmux, facts: PaneFacts, start: Start, children: Sequence[str] = ()) -> PaneFacts:
    """Start the client in place of an idle shell (or in a dead pane); refuses anything else.

    ``children``: the shell's background processes, which would end with it. The server itself checks, in the step that
    replaces the shell, that this shell is still in the foreground."""
    if children:
        raise Refusal(f"the shell in {facts.window} still runs {', '.join(children)}: end that first")
    if not facts.dead and not is_shell(facts.command):
        raise Refusal(f"expected an idle shell in {facts.window}, found {facts.command!r}: nothing was started")
    guard = Guard.of(tmux.require_server(), facts)
    if not tmux.respawn(guard, start.argv, start.folder, start.environment):
        raise Refusal(f"{facts.window} changed while the client was about to start there: nothing was started")
    frame = tmux.read(facts.pane_id, styled=False)
    if frame is None:
        raise FleetError(f"{facts.window} closed as the client started: look for its error in a new window")
    return frame.facts
