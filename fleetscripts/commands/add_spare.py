"""``add-spare [N]``: creates spare worktrees like the existing ones."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import Whole, json_option, settings_options
from fleetscripts.commands.output import print_json

MOST = 50
"""Limits the effect of a mistyped number: each has a checkout of its own."""


@click.command("add-spare")
@click.argument("count", required=False, default=1, type=Whole(1, MOST), metavar="[N]")
@click.option(
    "--repo", metavar="DIR", type=Path, default=".", help="Repository to add them to (default: the current one)."
)
@json_option
@settings_options
def command(count: int, repo: Path, as_json: bool, options: Mapping[str, object]) -> int:
    """Create N spare worktrees (default: 1) and print each as PATH BRANCH.

    They continue the names and numbers of the existing spare worktrees; without any, they are created beside the
    repository. Each is on a new branch spare/N at the default branch, fetched now. If one cannot be created, none is
    kept.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.worktrees.new_spares import add_spares

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    added = add_spares(repo, load_settings_here(os.environ, options), count)
    if as_json:
        shown = [{"path": str(made.path), "branch": made.branch, "commit": added.commit} for made in added.spares]
        print_json(shown)
        return 0
    for made in added.spares:
        click.echo(f"{made.path} {made.branch}")
    click.echo(f"add-spare: they are at {added.commit[:12]}, {sanitize(added.origin)}", err=True)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
