"""``status``: the fleet's records beside what their panes run now."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence

import click

from fleetscripts.adapters.store import Store
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.core.status_text import HEADINGS, about, age, row
from fleetscripts.core.table import table
from fleetscripts.core.visible import visible, visible_lines
from fleetscripts.errors import FleetError
from fleetscripts.fleet import AGENT_SEED_FIELDS
from fleetscripts.models import AgentState
from fleetscripts.schema import write
from fleetscripts.services import status as service
from fleetscripts.services.context import load_fleet
from fleetscripts.services.status import FleetStatus

COLOURS = {
    AgentState.RUNNING: "green",
    AgentState.COMPLETE: "cyan",
    AgentState.PENDING_EVALUATION: "cyan",
    AgentState.DONE: "blue",
    AgentState.WAITING_APPROVAL: "yellow",
    AgentState.RATE_LIMITED: "yellow",
    AgentState.STUCK: "yellow",
    AgentState.ESCALATED: "red",
}


@click.command("status")
@click.option("--me", is_flag=True, help="Only the agent whose pane this is (TMUX_PANE): its task and checkpoints.")
@json_option
@settings_options
def command(me: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Show every agent's recorded state and the command that its pane runs now."""
    settings, fleet = load_fleet(os.environ, options)
    if me:
        agent = service.agent_in_pane(fleet, os.environ)
        if agent is None:
            raise FleetError(
                f"no agent is recorded in this pane ({os.environ.get('TMUX_PANE') or 'TMUX_PANE not set'})"
            )
        objective = visible_lines(agent.objective)
        lines = (
            [json.dumps(write(agent, AGENT_SEED_FIELDS), indent=2)]
            if as_json
            else [*about(agent), "objective:", objective]
        )
        click.echo("\n".join(lines))
        return 0
    status = service.fleet_status(settings, fleet, time.time())
    if as_json:
        click.echo(json.dumps(service.as_json(status), indent=2))
    else:
        show(status, sys.stdout.isatty())
    try:
        service.record_look(Store(settings.state_file), fleet, os.environ, status.at)
    except FleetError as error:
        click.echo(f"status: {error}", err=True)
    return 0


def show(status: FleetStatus, on_terminal: bool) -> None:
    """Print the summary and the table; on a terminal in colours, cut to its width."""
    for line in summary(status):
        click.echo(line)
    if not status.agents:
        return
    rows = [row(known.agent, known.command, status.at) for known in status.agents]
    lines = table([HEADINGS, *rows], os.get_terminal_size(sys.stdout.fileno()).columns if on_terminal else None)
    click.echo(click.style(lines[0], bold=True) if on_terminal else lines[0])
    for line, known in zip(lines[1:], status.agents, strict=True):
        click.echo(click.style(line, fg=COLOURS.get(known.agent.state)) if on_terminal else line)


def summary(status: FleetStatus) -> list[str]:
    """One line on the fleet, one on its loop."""
    fleet = status.fleet
    counts = ", ".join(f"{count} {state}" for state, count in sorted(status.counts().items())) or "no agents"
    where = f"session {visible(fleet.tmux_session)}, " if fleet.tmux_session else ""
    loop = "not running"
    if status.loop is not None:
        loop = f"in {status.loop.window}"
    elif fleet.loop_window:
        loop = f"recorded in {fleet.loop_window}, but that window is gone"
    looked = f", last cycle {age(status.at - fleet.last_poll_at)} ago" if fleet.last_poll_at else ""
    return [f"fleet {'active' if fleet.active else 'stopped'}: {where}{counts}", visible(f"loop {loop}{looked}")]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
