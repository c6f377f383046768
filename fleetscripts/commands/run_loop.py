"""``run-loop``: watches the fleet and performs its recoveries, until the fleet is stopped."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.invocation import spelled

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.loop.loop import Loop

START_SECONDS = 20.0


@click.command("run-loop")
@click.option("--once", is_flag=True, help="Run one cycle and its recoveries, then end.")
@click.option("--window", is_flag=True, help="Run in a new tmux window of the fleet's session; print its SESSION:WIN.")
@click.option("--session", metavar="NAME", help="With --window: tmux session (default: the state file's).")
@click.option("--poll", is_flag=True, help="Use no events: poll everything at intervals only.")
@click.option(
    "--dispatch", is_flag=True, help="Also start agents for pending task files, as long as there are spare worktrees."
)
@click.option("--host", metavar="NAME", help="With --window: on this other machine, for its agents.")
@settings_options
def command(
    once: bool,
    window: bool,
    session: str | None,
    poll: bool,
    dispatch: bool,
    host: str | None,
    options: Mapping[str, object],
) -> int:
    """Monitor every agent and perform the recoveries.

    Resumes clients that have ended, answers start-up dialogs, prompts agents that stopped, verifies those that report
    completion, escalates those that make no progress, and notifies. Never takes a decision, never recycles. Reacts to
    events in panes, clients' files and processes; polls everything every POLL_INTERVAL seconds while some agent gives
    no events, and less often, down to every POLL_IDLE_MAX seconds, while all do. Ends when the fleet is stopped, and
    refuses to start on a stopped fleet (exit 3). One loop per state file: a second one exits 3.
    """
    from fleetscripts.adapters.tmux.tmux import Tmux
    from fleetscripts.agents.kinds import inside_session
    from fleetscripts.core.records.own_session import session_of
    from fleetscripts.services.clients.sessions import session_meant
    from fleetscripts.services.context import load_fleet, start_again
    from fleetscripts.services.single_instance import loop_window
    from fleetscripts.services.single_instance.single_instance import only_loop
    from fleetscripts.services.worktrees.bundle import copied_command, is_copy

    if once and window:
        raise click.UsageError("expected --once or --window, not both")
    settings, fleet = load_fleet(os.environ, options)
    if not fleet.active:
        raise Refusal(f"the fleet is stopped: {start_again()} starts it again")
    flags = [flag for flag, given in (("--poll", poll), ("--dispatch", dispatch)) if given]
    arguments = ["run-loop", *flags, *_spelled(options)]
    if window:
        named = session_meant(Tmux(settings.tmux_socket), fleet, session or session_of(fleet))
        return show_window(settings, named, arguments)
    if once:
        with only_loop(settings):
            _loop(settings, options, poll, dispatch).run_once()
        return 0
    if outer := inside_session(os.environ):
        raise Refusal(
            f"a loop inside a session of {outer.title} would end with it: call {spelled('run-loop')} --window"
        )
    if not is_copy():
        with only_loop(settings):
            call = copied_command(settings.fleet_home, arguments)
        os.execv(call[0], call)
    with only_loop(settings), loop_window.recorded(settings, os.environ) as place:
        loop = _loop(settings, options, poll, dispatch)
        _end_on_signals(loop)
        loop.log.write(f"loop begins{f' in {place.window}' if place else ''}, state file {settings.state_file}")
        loop.run()
        loop.log.write("loop ends")
    return 0


def show_window(settings: Settings, session: str, arguments: list[str]) -> int:
    """Open the window, and return once the loop there has recorded itself in the state file."""
    from fleetscripts.services.single_instance import loop_window
    from fleetscripts.services.single_instance.single_instance import only_loop

    with only_loop(settings):
        pane = loop_window.open_in_window(settings, session, arguments, os.environ)
    deadline = time.monotonic() + START_SECONDS
    while _recorded_pane(settings) != pane.pane_id:
        if time.monotonic() > deadline:
            raise FleetError(f"the loop did not start in {pane.window}; its last words may be in {_log_file(settings)}")
        time.sleep(0.05)
    click.echo(pane.window)
    return 0


def _recorded_pane(settings: Settings) -> str:
    from fleetscripts.adapters.records.store import Store

    fleet: Fleet = Store(settings.state_file).read()
    return fleet.loop_pane_id


def _loop(settings: Settings, options: Mapping[str, object], poll: bool, dispatch: bool) -> Loop:
    from fleetscripts.adapters.records.log_file import LogFile
    from fleetscripts.services.loop.loop import Loop

    return Loop(os.environ, options, LogFile(_log_file(settings), sys.stdout), poll, dispatch)


def _log_file(settings: Settings) -> Path:
    return settings.fleet_home / "loop.log"


def _end_on_signals(loop: Loop) -> None:
    """The present cycle is finished, then the loop ends."""

    def end(_number: int, _frame: FrameType | None) -> None:
        loop.end()

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, end)


def _spelled(options: Mapping[str, object]) -> list[str]:
    """The settings' options as given, with paths absolute for a window that opens elsewhere."""
    whole = {
        name: value.expanduser().absolute() if isinstance(value, Path) else value for name, value in options.items()
    }
    return [word for name, value in whole.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
