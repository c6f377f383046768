"""``rescue-agent``: continues the conversations of agents at a usage limit on another account."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import identity
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json, print_result, print_result_of
from fleetscripts.errors import EXIT_DONE, EXIT_FAILED, EXIT_NO


@click.command("rescue-agent")
@click.option("--all", "everyone", is_flag=True, help="Every agent that is at a usage limit.")
@click.option("--account", metavar="NAME", default="", help="Account to move to (default: one with budget).")
@json_option
@settings_options
@click.argument("window", required=False)
def command(everyone: bool, account: str, window: str | None, as_json: bool, options: Mapping[str, object]) -> int:
    """Restart an agent that hit a usage limit on another account, in the same conversation, window and worktree.

    The run loop does this by itself. If only another client has budget, the work is handed over to it. No menu row is
    chosen and nothing is bought. Exits 3 when no account has budget or the agent is not at a limit.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.observe.agent_meant import agent_named

    if everyone == bool(window):
        raise click.UsageError("expected WINDOW or --all")
    from fleetscripts.services.actions.perform import FAILED
    from fleetscripts.services.actions.rescue_call import RESCUED, at_a_limit, rescue_agents
    from fleetscripts.services.actions.rescue_tally import line, parked, taken

    settings, fleet = load_fleet(os.environ, options)
    agents = at_a_limit(settings, fleet) if everyone else [agent_named(settings, fleet, window or "")]
    of_one = partial(print_result_of, "rescue-agent")
    tell = (lambda _: None) if as_json else print_result if everyone else of_one
    outcomes = rescue_agents(settings, fleet, os.environ, agents, account, tell)
    if as_json:
        print_json([identity(o.agent) | {"result": o.result, "words": sanitize(o.words)} for o in outcomes])
    elif everyone:
        click.echo(sanitize(line(taken(settings), parked(load_fleet(os.environ, options)[1]))))
    results = {outcome.result for outcome in outcomes}
    if FAILED in results:
        return EXIT_FAILED
    return EXIT_DONE if results <= {RESCUED} else EXIT_NO


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
