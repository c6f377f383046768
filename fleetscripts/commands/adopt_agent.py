"""adopt-agent PANE: makes a client started by hand an agent of the fleet."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import identity
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json


@click.command("adopt-agent")
@click.argument("pane")
@click.option("--objective", metavar="TEXT", default="", help="Its objective (default: the last message sent to it).")
@click.option("--branch", metavar="NAME", default="", help="Branch of its work (default: the one checked out).")
@click.option("--pr", metavar="NUMBER", default="", help="Its pull request.")
@click.option(
    "--step", "--steps", "steps", metavar="NAME", multiple=True, help="Step that it must report; repeat for each."
)
@json_option
@settings_options
def command(
    pane: str,
    objective: str,
    branch: str,
    pr: str,
    steps: tuple[str, ...],
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """Take over the running client in PANE (a pane id, a window id or SESSION:WIN) as an agent; print its SESSION:WIN.

    Its conversation, worktree and branch are kept, and nothing is typed. Exits 3 when no client runs in the pane, when
    the agent is already managed, in a protected worktree, and for the caller's own pane or the loop's.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.spawning.adopt import adopt
    from fleetscripts.services.spawning.spawn_request import Request, checked
    from fleetscripts.services.typing.pane_io import open_pane_io, pane_named

    settings, fleet = load_fleet_here(os.environ, options)
    wanted = checked(Request("", branch, objective.strip() or "-", pr_number=pr, steps=steps))
    pane_io = open_pane_io(settings, fleet)
    facts = pane_named(pane_io, fleet, pane)
    request = replace(wanted, objective=objective.strip())
    adopted = adopt(pane_io, settings, fleet, facts, os.environ, request)
    if as_json:
        print_json(identity(adopted.agent) | {"notes": [sanitize(note) for note in adopted.notes]})
        return 0
    for note in adopted.notes:
        print(f"adopt-agent: {sanitize(note)}", file=sys.stderr)
    print(adopted.agent.window)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
