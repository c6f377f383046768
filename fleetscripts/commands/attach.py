"""``attach WINDOW``: takes this terminal to an agent's window."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options, window_argument
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.invocation import spelled

if TYPE_CHECKING:
    from fleetscripts.adapters.tmux.tmux import Tmux
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Fleet

LEAST_COLUMNS, LEAST_LINES = 20, 6
"""No client can draw in less, and an agent whose window was this small cannot be read."""


@click.command("attach")
@window_argument
@settings_options
def command(window: str, options: Mapping[str, object]) -> int:
    """Go to WINDOW: switch the tmux client to it, or attach this terminal when outside tmux.

    When standard output is not a terminal, print the command that would do it instead.
    """
    from fleetscripts.adapters.tmux.tmux import Tmux
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.observe.agent_pane import pane_meant
    from fleetscripts.services.own_pane import TerminalPlace, terminal_place

    settings, fleet = load_fleet_here(os.environ, options)
    if (line_there := elsewhere(settings, window)) is not None:
        return _go_by_ssh(line_there)
    tmux = Tmux(settings.tmux_socket)
    server = tmux.server()
    pane = pane_meant(tmux, settings, fleet, server, window) if server is not None else None
    if server is None or pane is None:
        raise missing(tmux, settings, fleet, window)
    place = terminal_place(os.environ, server)
    line = tmux.line_to(pane, inside=place is TerminalPlace.INSIDE)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(line)
        return 0
    if place is TerminalPlace.OTHER_TMUX:
        raise Refusal(f"this terminal is in another tmux, which cannot show it; in one outside of tmux run: {line}")
    if place is TerminalPlace.OUTSIDE:
        _require_room()
    if not tmux.show_pane(pane):
        raise FleetError(f"{pane.window} is gone")
    if place is TerminalPlace.OUTSIDE:
        _become(tmux.attach_line(pane.session))
    if problem := tmux.switch_here(pane):
        raise FleetError(f"tmux does not switch to {pane.window}: {problem}")
    return 0


def _require_room() -> None:
    """Refuse a terminal to whose size tmux would squeeze the windows; one that reports no size (0) is accepted."""
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    if 0 < columns < LEAST_COLUMNS or 0 < lines < LEAST_LINES:
        least = f"{LEAST_COLUMNS} columns and {LEAST_LINES} lines"
        raise Refusal(f"expected a terminal of {least} or more, found {columns} and {lines}: enlarge it")


def elsewhere(settings: Settings, window: str) -> list[str] | None:
    """The command line that goes to a window on another machine; None for one of this machine. A name that none of its
    agents has is refused: only tmux there knows windows by number or id."""
    from fleetscripts.core.hosts.names import split
    from fleetscripts.services.hosts.mirrors import view_of
    from fleetscripts.services.hosts.registry import hosts
    from fleetscripts.services.links.connection import remote_command, ssh_of

    name, there = split(window)
    host = next((host for host in hosts(settings) if host.name == name), None)
    if host is None:
        return None
    view = view_of(settings, host, time.time())
    known = {name for one in view.fleet.agents for name in (one.worktree, one.id, one.window.partition(":")[0])}
    if view.since_seconds >= 0 and there not in known and not there.startswith(("%", "@")) and ":" not in there:
        raise FleetError(f"no such window: {window!r}; {spelled('status')} lists the agents")
    return ssh_of(settings, host).terminal(remote_command(host, ["attach", there]))


def _go_by_ssh(line: list[str]) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(shlex.join(line))
    else:
        _become(line)
    return 0


def missing(tmux: Tmux, settings: Settings, fleet: Fleet | None, target: str) -> FleetError:
    """Why there is no window to go to: an agent without one, with the command that reopens it, or an unknown name."""
    from fleetscripts.core.records.sanitize import shell_word
    from fleetscripts.services.observe.agent_meant import agent_meant
    from fleetscripts.services.observe.servers import refuse_unseen

    agent = agent_meant(settings, fleet, target) if fleet is not None else None
    if agent is not None and not agent.finished:
        refuse_unseen(agent, tmux)
        reopen = spelled(f"restore-agent {shell_word(agent.handle)}")
        return FleetError(f"{agent.called} has no window now: {reopen} opens it again")
    if agent is not None:
        return FleetError(f"{agent.called} is {agent.state} and has no window any more")
    tmux.require_server()
    return FleetError(
        f"no such window: {target!r}; {spelled('status')} lists the agents, tmux list-windows -a all windows"
    )


def _become(argv: list[str]) -> NoReturn:
    """Replace this process by another program, on this terminal."""
    os.execvp(argv[0], argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
