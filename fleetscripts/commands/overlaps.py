"""``overlaps``: which agents' branches change the same files, and which of them conflict."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.elsewhere import here_option, members_of, others, print_others
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options

if TYPE_CHECKING:
    from fleetscripts.core.overlaps.overlap import Pair
    from fleetscripts.fleet import Agent
    from fleetscripts.services.worktrees.overlaps import Comparison

SHOWN = 6


@click.command("overlaps")
@here_option
@json_option
@settings_options
def command(here: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Trial-merge the branches of every pair of live agents and show which conflict.

    In the matrix, x is a conflict, a number counts the files that both change, and ? is a pair that could not be tried.
    Uncommitted changes are not seen. The repository is not changed.
    """
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.worktrees.overlaps import compare

    settings, fleet = load_fleet(os.environ, options)
    found = compare(settings, fleet)
    elsewhere = () if here else others(settings, ["overlaps", *(["--json"] if as_json else [])])
    if as_json:
        more = {"hosts": members_of(elsewhere)} if elsewhere else {}
        click.echo(json.dumps(members(found) | more, indent=2))
        return 0
    click.echo("\n".join(lines(found)))
    print_others(elsewhere)
    return 0


def lines(found: Comparison) -> list[str]:
    """The matrix, then each pair that meets."""
    from fleetscripts.core.overlaps.overlap import matrix
    from fleetscripts.core.reports.table import table

    if len(found.agents) < 2:
        return ["fewer than two agents have branches to compare"]
    by_id = {agent.key: agent for agent in found.agents}
    said = table(matrix(found.agents, found.pairs))
    said += [_line(pair, by_id) for pair in found.pairs]
    return said + ([f"{found.left} pairs are left for the next call"] if found.left else [])


def _line(pair: Pair, by_id: Mapping[str, Agent]) -> str:
    from fleetscripts.core.records.sanitize import sanitize

    names = " + ".join(f"{by_id[name].handle} {by_id[name].branch}" for name in (pair.one, pair.other))
    if pair.problem:
        return sanitize(f"{names}: could not be merged on trial: {pair.problem}")
    listed = pair.places or pair.files
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    what = "conflict in" if pair.conflicts else "merge cleanly, both change"
    return sanitize(f"{names}: {what} {', '.join(listed[:SHOWN])}{more}")


def members(found: Comparison) -> dict[str, object]:
    """The object that ``--json`` prints."""
    by_id = {agent.key: agent for agent in found.agents}
    return {
        "agents": [{"id": agent.id, "worktree": agent.worktree, "branch": agent.branch} for agent in found.agents],
        "left": found.left,
        "pairs": [
            {
                "branches": [by_id[pair.one].branch, by_id[pair.other].branch],
                "worktrees": [by_id[pair.one].worktree, by_id[pair.other].worktree],
                "conflicts": pair.conflicts,
                "files": list(pair.files),
                "places": list(pair.places),
                **({"problem": pair.problem} if pair.problem else {}),
            }
            for pair in found.pairs
        ],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
