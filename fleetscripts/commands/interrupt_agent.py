"""interrupt-agent WINDOW [--kill]: a turn stopped, or a client ended, because a person wants it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options, window_argument


@click.command("interrupt-agent")
@window_argument
@click.option("--kill", is_flag=True, help="End the client, whatever it is at; a shell stands there then.")
@settings_options
def command(window: str, kill: bool, options: Mapping[str, object]) -> int:
    """Stop the turn that is in progress in WINDOW. Only when the user asks for it.

    The agent is held then: no nudge, no resume, until it has got a text (send-agent) and works again. After --kill its
    conversation is kept: restore-agent, or the client's own --resume, opens it again. Exits 3 when no turn is running.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.typing.interrupt import interrupt
    from fleetscripts.services.typing.pane_io import open_pane_io, pane_named

    settings, fleet = load_fleet_here(os.environ, options)
    pane_io = open_pane_io(settings, fleet)
    facts = pane_named(pane_io, fleet, window)
    for line in interrupt(pane_io, settings, fleet, facts.pane_id, os.environ, kill):
        click.echo(sanitize(line))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
