"""``open-pr WINDOW``: pushes the agent's branch, opens its pull request and records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import load_agent_at_work
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.commands.output import print_json


@click.command("open-pr")
@window_argument
@click.option("--base", metavar="BRANCH", default="", help="Branch to merge into (default: GitHub's default branch).")
@click.option("--title", metavar="TEXT", default="", help="Its title (default: the objective's first line).")
@click.option("--draft", is_flag=True, help="Open it as a draft.")
@json_option
@settings_options
def command(window: str, base: str, title: str, draft: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Push the commits of the agent in WINDOW, open its pull request, record its number and print its address.

    Its text is the objective. The branch is pushed to the remote recorded at spawn, never by force. An existing open
    pull request is recorded instead of opening a second one; after an interruption, call it again.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.lifecycle.open_pull import PullText, open_pull

    settings, fleet, agent = load_agent_at_work(options, window)
    opened = open_pull(settings, fleet, agent, PullText(base, title, draft))
    if opened.uncommitted:
        click.echo(f"open-pr: {opened.uncommitted} changed files are not committed, so not in it", err=True)
    if as_json:
        pull = {"pr_number": opened.pull.number, "url": opened.pull.url, "base": opened.pull.base}
        print_json({"window": agent.window, "worktree": agent.worktree, "branch": agent.branch, **pull,
                    "opened": opened.made, "pushed": opened.pushed, "uncommitted": opened.uncommitted})  # fmt: skip
        return 0
    click.echo(sanitize(opened.pull.url))
    how = "opened" if opened.made else "open already"
    click.echo(f"open-pr: #{opened.pull.number} {how}{', branch pushed' if opened.pushed else ''}, on record", err=True)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
