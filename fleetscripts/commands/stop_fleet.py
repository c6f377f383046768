"""``stop-fleet``: ends the loop, leaves the agents; with ``--when-done`` only once everything is finished."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import Finite, json_option, settings_options
from fleetscripts.commands.output import print_json

if TYPE_CHECKING:
    from fleetscripts.core.planning.stopping import Obstacle
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.lifecycle.stop_fleet import LoopEnd
    from fleetscripts.services.reports.status import AgentStatus

WAIT_SECONDS = 20.0
HEADINGS = ("WINDOW", "STATE", "WORKTREE", "BRANCH", "PR", "COMMAND")


@click.command("stop-fleet")
@click.option("--when-done", is_flag=True, help="Stop only if everything is finished; otherwise print what is not.")
@click.option(
    "--wait",
    "wait_seconds",
    metavar="SECONDS",
    type=Finite(0, 3600),
    default=WAIT_SECONDS,
    show_default=True,
    help="How long the loop may take to finish its current work before its window is closed.",
)
@json_option
@settings_options
def command(when_done: bool, wait_seconds: float, as_json: bool, options: Mapping[str, object]) -> int:
    """Stop the fleet: no more monitoring, recoveries or verification. Agents and their windows stay as they are.

    Marks the fleet inactive, lets its loop end and closes the loop's window (never the caller's own); prints what is
    still running. With --when-done it stops only if every agent is done or escalated, every escalation was seen, and
    GitHub reports no problem on any pull request. Exit codes then: 3 when something is unfinished, 8 when checks are
    only pending, 1 when GitHub could not be reached.
    """
    from fleetscripts.models import AgentState
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.lifecycle.stop_fleet import stop
    from fleetscripts.services.lifecycle.stop_when_done import obstacles
    from fleetscripts.services.reports.status import fleet_status

    settings, fleet = load_fleet(os.environ, options)
    if when_done and (found := obstacles(settings, fleet, os.environ)):
        return _refuse(found, as_json=as_json)
    end = stop(settings, fleet, os.environ, wait_seconds)
    status = fleet_status(settings, fleet, time.time())
    there = [known for known in status.agents if known.agent.state is not AgentState.RECYCLED]
    if as_json:
        print_json(members(end, there))
    else:
        click.echo("\n".join(lines(fleet, end, there)))
    return 0


def _refuse(found: Sequence[Obstacle], *, as_json: bool) -> int:
    """Print the obstacles; returns the exit code for them."""
    from fleetscripts.core.gates.gates import GateResult, GateVerdict

    listed = [{"window": thing.window, "status": thing.status, "what": thing.what} for thing in found]
    if as_json:
        print_json({"stopped": False, "in_the_way": listed})
    else:
        click.echo("not stopped; in the way:")
        click.echo("\n".join(f"{thing.status:7} {thing.window}: {thing.what}" for thing in found))
    return GateVerdict(tuple(GateResult(thing.window, thing.status, thing.what) for thing in found)).exit_code


def lines(fleet: Fleet, end: LoopEnd, there: Sequence[AgentStatus]) -> list[str]:
    """For people: what was done, then what is still running."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.core.reports.table import table

    first = "the fleet is stopped" if fleet.active else "the fleet was stopped already"
    said = [sanitize(f"{first}; {end.said}")]
    if not there:
        return [*said, "no agents are recorded"]
    rows = [
        (
            known.agent.window,
            known.agent.state,
            known.agent.worktree,
            known.agent.branch or "-",
            f"#{known.agent.pr_number}" if known.agent.pr_number else "-",
            known.command,
        )
        for known in there
    ]
    return [*said, "left as they are:", *table([HEADINGS, *rows])]


def members(end: LoopEnd, there: Sequence[AgentStatus]) -> dict[str, object]:
    """The object that ``--json`` prints."""
    agents = [
        {
            "window": known.agent.window,
            "state": known.agent.state,
            "worktree": known.agent.worktree,
            "branch": known.agent.branch,
            "pr_number": known.agent.pr_number,
            "pane_cmd": known.command,
        }
        for known in there
    ]
    loop = {"ended": end.ended, "window": end.window, "said": end.said}
    return {"stopped": True, "loop": loop, "agents": agents}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
