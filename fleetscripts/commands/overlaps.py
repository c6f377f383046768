"""``overlaps``: which agents' branches change the same files, and which of them conflict."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.elsewhere import here_option, members_of, named_from_here, others
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json

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
    Uncommitted changes are not seen, and of agents on other machines only what is pushed to a remote of a repository
    here. The repository is not changed.
    """
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.links.pushed_elsewhere import PushedBranches, pushed_elsewhere
    from fleetscripts.services.worktrees.overlaps import compare

    settings, fleet = load_fleet(os.environ, options)
    elsewhere = () if here else others(settings, ["overlaps", "--json"])
    hosts = members_of(elsewhere)
    views = [answer.view for answer in elsewhere]
    pushed = pushed_elsewhere(settings, fleet, views, heads_of(hosts), Path.cwd()) if views else PushedBranches()
    found = between_machines(compare(settings, fleet, pushed=pushed.branches), hosts)
    if as_json:
        more = {"hosts": named_from_here(elsewhere, hosts), "left_out": list(pushed.left_out)} if elsewhere else {}
        print_json(members(found) | more)
        return 0
    click.echo("\n".join([*lines(found), *pushed.left_out]))
    for name, said in hosts.items():
        for line in lines_of_host(name, said):
            click.echo(line)
    return 0


def heads_of(hosts: Mapping[str, Any]) -> dict[str, str]:
    """The commit of each agent's branch on its machine, by the agent's name from here."""
    listed = ((name, said.get("agents")) for name, said in hosts.items() if isinstance(said, dict))
    return {
        f"{name}/{agent.get('id')}": str(agent["head"])
        for name, agents in listed
        for agent in (agents if isinstance(agents, list) else [])
        if isinstance(agent, dict) and agent.get("head")
    }


def between_machines(found: Comparison, hosts: Mapping[str, Any]) -> Comparison:
    """Without pairs within another machine that has answered: it compares its branches as they are."""
    answered = {name for name, said in hosts.items() if isinstance(said, dict) and "pairs" in said}

    def machine(key: str) -> str:
        return key.partition("/")[0] if "/" in key else ""

    pairs = [one for one in found.pairs if machine(one.one) != machine(one.other) or machine(one.one) not in answered]
    return replace(found, pairs=tuple(pairs))


def lines_of_host(name: str, said: Any) -> list[str]:
    """The host's pairs with common files, or its silence."""
    from fleetscripts.core.records.sanitize import sanitize

    if not isinstance(said, dict) or "pairs" not in said:
        return [sanitize(f"{name}: {said.get('problem') if isinstance(said, dict) else 'no answer'}")]
    found = [pair for pair in said["pairs"] if isinstance(pair, dict)]
    rows = [(pair.get("worktrees"), pair.get("branches"), pair) for pair in found]
    return [
        _meeting(
            " + ".join(f"{name}/{worktree} {branch}" for worktree, branch in zip(worktrees, branches, strict=False)),
            tuple(map(str, pair.get("places") or pair.get("files") or ())), bool(pair.get("conflicts")),
            str(pair.get("problem", "")),
        )
        for worktrees, branches, pair in rows
        if isinstance(worktrees, list) and isinstance(branches, list)
    ]  # fmt: skip


def lines(found: Comparison) -> list[str]:
    """The matrix, then each pair with common files."""
    from fleetscripts.core.overlaps.overlap import matrix
    from fleetscripts.core.reports.table import table

    if len(found.agents) < 2:
        return ["fewer than two agents have branches to compare"]
    by_id = {agent.key: agent for agent in found.agents}
    said = table(matrix(found.agents, found.pairs))
    said += [_line(pair, by_id) for pair in found.pairs]
    return said + ([f"{found.left} pairs are left for the next call"] if found.left else [])


def _line(pair: Pair, by_id: Mapping[str, Agent]) -> str:
    names = " + ".join(f"{by_id[name].handle} {by_id[name].branch}" for name in (pair.one, pair.other))
    return _meeting(names, pair.places or pair.files, pair.conflicts, pair.problem)


def _meeting(names: str, listed: Sequence[str], conflicts: bool, problem: str) -> str:
    from fleetscripts.core.records.sanitize import sanitize

    if problem:
        return sanitize(f"{names}: could not be merged on trial: {problem}")
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    what = "conflict in" if conflicts else "merge cleanly, both change"
    return sanitize(f"{names}: {what} {', '.join(listed[:SHOWN])}{more}")


def members(found: Comparison) -> dict[str, object]:
    """The object that ``--json`` prints."""
    by_id = {agent.key: agent for agent in found.agents}
    return {
        "agents": [
            {"id": agent.id, "worktree": agent.worktree, "branch": agent.branch, "head": found.heads.get(agent.key)}
            for agent in found.agents
        ],
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
