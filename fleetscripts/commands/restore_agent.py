"""``restore-agent``: reopens agents whose window is gone, in their worktrees and conversations."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json, print_result, print_result_of
from fleetscripts.errors import EXIT_DONE, EXIT_FAILED, EXIT_NO
from fleetscripts.invocation import spelled


@click.command("restore-agent")
@click.option("--all", "everyone", is_flag=True, help="Every agent that is neither done nor recycled.")
@json_option
@settings_options
@click.argument("window", required=False)
def command(everyone: bool, as_json: bool, window: str | None, options: Mapping[str, object]) -> int:
    """Reopen an agent whose window, tmux server or machine is gone, in its worktree and conversation.

    A running agent is left alone; one whose client has ended is resumed in its pane; one whose conversation is open in
    another pane gets that pane recorded. A spawn that crashed before the agent was briefed is rolled back. A missing
    tmux session is created; inside a Claude session the command for a person to run is printed instead, exit 3. Exits 3
    too when the conversation is open outside this tmux.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet

    if everyone == bool(window):
        raise click.UsageError("expected WINDOW or --all")
    from fleetscripts.services.actions.perform import FAILED, REFUSED
    from fleetscripts.services.lifecycle.restore import restorable, restore_agents
    from fleetscripts.services.observe.agent_meant import agent_named
    from fleetscripts.services.single_instance.single_instance import loop_runs

    settings, fleet = load_fleet(os.environ, options)
    agents = restorable(fleet) if everyone else [agent_named(settings, fleet, window or "")]
    of_one = partial(print_result_of, "restore-agent")
    tell = (lambda _: None) if as_json else print_result if everyone else of_one
    outcomes = restore_agents(settings, fleet, os.environ, agents, tell, named=not everyone)
    if as_json:
        shown = [
            {"window": o.agent.window, "pane_id": o.agent.pane_id, "session_id": o.agent.session_id}
            | {"result": o.result, "words": sanitize(o.words)}
            for o in outcomes
        ]
        print_json(shown)
    elif everyone:
        click.echo(summary(outcomes))
    if outcomes and fleet.active and not loop_runs(settings):
        click.echo(f"restore-agent: no loop watches them; {spelled('run-loop')} --window starts one", err=True)
    results = {outcome.result for outcome in outcomes}
    return EXIT_FAILED if FAILED in results else EXIT_NO if REFUSED in results else EXIT_DONE


def summary(outcomes: Sequence[object]) -> str:
    """``3 restored, 1 refused``."""
    results = [str(getattr(outcome, "result", "")) for outcome in outcomes]
    return ", ".join(f"{results.count(word)} {word}" for word in dict.fromkeys(results)) or "nobody to restore"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
