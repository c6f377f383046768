"""release-agent WINDOW: removes a record from the fleet; nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import identity, load_agent
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.commands.output import print_json
from fleetscripts.errors import Refusal


@click.command("release-agent")
@window_argument
@json_option
@settings_options
def command(window: str, as_json: bool, options: Mapping[str, object]) -> int:
    """Stop managing the agent in WINDOW: remove its record; leave client, window, branch and worktree as they are.

    For a client that a person takes over, and for records of recycled agents. adopt-agent takes it back.
    """
    from fleetscripts.adapters.records.journal import Journal
    from fleetscripts.adapters.records.store import Store
    from fleetscripts.core.records.sanitize import sanitize

    settings, _, agent = load_agent(options, window)
    if agent.task.pending is not None:
        raise Refusal(f"{sanitize(agent.handle)}: it is being given a task just now; call again when it has it")
    Store(settings.state_file).update(lambda current: current.without_agent(agent))
    Journal(settings.journal_file).write(
        "released", id=agent.id, window=agent.window, pane_id=agent.pane_id, why="asked for"
    )
    if as_json:
        print_json(identity(agent) | {"released": True})
        return 0
    click.echo(f"{sanitize(agent.handle)} is no longer managed; its client and worktree are unchanged")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
