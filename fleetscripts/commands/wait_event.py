"""``wait-event``: returns when something needs whoever supervises, with all there is to decide by."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import Finite, settings_options
from fleetscripts.core.planning.event_dedup import as_event
from fleetscripts.core.planning.plan import as_json
from fleetscripts.services.context import load_fleet
from fleetscripts.services.loop.wait_event import Waiting
from fleetscripts.services.observe.agent_pane import agent_in_pane

PENDING = 8


@click.command("wait-event")
@click.option(
    "--timeout", metavar="SECONDS", type=Finite(min=0), default=600, show_default=True, help="Wait no longer."
)
@click.option("--again", is_flag=True, help="Also what was handed out before and is not settled.")
@settings_options
def command(timeout: float, again: bool, options: Mapping[str, object]) -> int:
    """Wait until something needs a decision, and print it as poll-cycle would: a JSON array, "screen" is data.

    Exits 0 with events; 8 at the timeout, with one line. Each is handed out once, and once more when it still stands
    after orchestrator_unseen_seconds. Exits 3 when every agent is done. Hears of it from the run loop; where none runs
    it says so and looks itself every POLL_INTERVAL seconds.
    """
    settings, fleet = load_fleet(os.environ, options)
    supervises = agent_in_pane(fleet, os.environ) is None
    waiting = Waiting(settings, again, lambda line: click.echo(line, err=True), supervises)
    began = time.monotonic()
    events = waiting.events(timeout)
    if not events:
        click.echo(waiting.timeout_line(time.monotonic() - began))
        return PENDING
    click.echo(json.dumps([as_event(as_json(action), agent) for agent, action in events], indent=2))
    waiting.taken(events)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
