"""``recycle-agent``: closes an agent's pane and makes its worktree a spare again, losing nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.commands.output import print_json

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Agent, Fleet


@click.command("recycle-agent")
@window_argument
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="[PATH")
@click.argument("spare_branch", required=False, default="", metavar="SPARE_BRANCH]")
@click.option("--force", is_flag=True, help="Recycle although gates do not pass. Unsaved work is still backed up.")
@json_option
@settings_options
def command(
    window: str, path: Path | None, spare_branch: str, force: bool, as_json: bool, options: Mapping[str, object]
) -> int:
    """Back up unsaved work under refs/fleet/rescue, close the pane, and return the worktree to its spare branch.

    Refuses (exit code 3) unless verify-complete passes now. After a crash, call it again to continue. PATH and
    SPARE_BRANCH are needed only when there is no record of them.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.models import AgentState
    from fleetscripts.services.lifecycle.recycle import recycling
    from fleetscripts.services.lifecycle.recycle_options import RecycleOptions
    from fleetscripts.services.observe.agent_meant import agent_meant, agent_named

    settings, fleet = fleet_or_none(options)
    agent = (agent_named if path is None else agent_meant)(settings, fleet, window)
    if agent is not None and agent.state is AgentState.RECYCLED and not used_since(agent, path):
        if as_json:
            print_json(_members(agent.window, agent.worktree_path, agent.spare_branch, before=True))
        else:
            click.echo(f"{sanitize(agent.window)} was recycled before: nothing to do")
        return 0
    with recycling(
        settings, fleet, at_work_or_nobody(window, agent), RecycleOptions(path, spare_branch, force)
    ) as work:
        try:
            work.run()
        finally:
            for ref in () if as_json else work.rescued:
                click.echo(f"rescued: {sanitize(ref)}")
            for notice in work.notices:
                click.echo(sanitize(notice), err=True)
    if as_json:
        found = _members(work.agent.window, str(work.path), work.spare_branch, before=False)
        print_json(found | {"base": work.base, "rescued": work.rescued, "notes": work.notices})
        return 0
    click.echo(
        f"recycled {sanitize(work.agent.window)}: {sanitize(str(work.path))} is on {work.spare_branch} at {work.base}"
    )
    return 0


def _members(window: str, path: str, spare_branch: str, *, before: bool) -> dict[str, Any]:
    """The object that ``--json`` prints. ``before``: it was recycled by an earlier call."""
    return {"window": window, "worktree_path": path, "spare_branch": spare_branch, "recycled_before": before}


def fleet_or_none(options: Mapping[str, object]) -> tuple[Settings, Fleet]:
    """Settings and fleet; an empty fleet if there is no state file yet."""
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.context import load_fleet_here

    settings, fleet = load_fleet_here(os.environ, options)
    return settings, fleet or Fleet()


def used_since(agent: Agent, path: Path | None) -> bool:
    """Whether the call names another worktree than this recycled record's."""
    return path is not None and os.path.realpath(path) != os.path.realpath(agent.worktree_path)


def at_work_or_nobody(window: str, agent: Agent | None) -> Agent:
    """The record; if no agent is at work there, whatever is in that window, which must then be in the named
    worktree."""
    from fleetscripts.fleet import Agent
    from fleetscripts.models import AgentState

    return Agent(window) if agent is None or agent.state is AgentState.RECYCLED else agent


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
