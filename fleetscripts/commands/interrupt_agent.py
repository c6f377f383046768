"""interrupt-agent WINDOW [--kill]: stops a turn, or ends a client, at a person's request."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.commands.output import print_json


@click.command("interrupt-agent")
@window_argument
@click.option("--kill", is_flag=True, help="End the client whatever it is doing; the pane is left at a shell.")
@json_option
@settings_options
def command(window: str, kill: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Interrupt the running turn in WINDOW. Only at the user's request.

    The agent is then paused: it is neither prompted nor resumed until it has received a message (send-agent) and works
    again. --kill ends the client but keeps its conversation; restore-agent, or the client's own --resume, reopens it.
    Exits 3 when no turn is running.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.typing.interrupt import interrupt
    from fleetscripts.services.typing.pane_io import open_pane_io, pane_named

    settings, fleet = load_fleet_here(os.environ, options)
    pane_io = open_pane_io(settings, fleet)
    facts = pane_named(pane_io, fleet, window)
    lines = [sanitize(line) for line in interrupt(pane_io, settings, fleet, facts.pane_id, os.environ, kill)]
    if as_json:
        print_json({"window": facts.window, "pane_id": facts.pane_id, "killed": kill, "words": lines})
        return 0
    for line in lines:
        click.echo(line)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
