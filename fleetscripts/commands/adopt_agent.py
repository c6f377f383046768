"""adopt-agent PANE: a window made by hand becomes an agent of the fleet."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options


@click.command("adopt-agent")
@click.argument("pane")
@click.option("--objective", metavar="TEXT", default="", help="What it is to do (default: what it was told last).")
@click.option("--branch", metavar="NAME", default="", help="The branch of its work, if not the one it is on.")
@click.option("--pr", metavar="NUMBER", default="", help="Pull request that the work belongs to.")
@click.option("--step", "--steps", "steps", metavar="NAME", multiple=True, help="Step to be reported; once for each.")
@settings_options
def command(
    pane: str, objective: str, branch: str, pr: str, steps: tuple[str, ...], options: Mapping[str, object]
) -> int:
    """Take the live client in PANE (a pane id, a window id or SESSION:WIN) into the fleet; print its SESSION:WIN.

    Its conversation, worktree and branch are taken as they are, and nothing is typed. Exits 3 where no client runs,
    where it is known already, in a protected worktree, and for the pane of the caller or the loop.
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
    for note in adopted.notes:
        print(f"adopt-agent: {sanitize(note)}", file=sys.stderr)
    print(adopted.agent.window)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
