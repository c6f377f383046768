"""``capacity``: every worktree of a repository: free, in use, or not usable and why."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.core.planning.capacity import Place, Standing
from fleetscripts.core.reports.table import table
from fleetscripts.services.context import load_settings_here
from fleetscripts.services.worktrees.spares import survey

HEADINGS = ("STANDING", "WORKTREE", "BRANCH", "WHY", "PATH")


@click.command("capacity")
@click.argument("repo", required=False, type=click.Path(path_type=Path), default=".", metavar="[REPO]")
@json_option
@settings_options
def command(repo: Path, as_json: bool, options: Mapping[str, object]) -> int:
    """Show the worktrees of REPO (default: the current folder's): free, in use, or unusable with the reason."""
    places = survey(repo, load_settings_here(os.environ, options))
    if as_json:
        click.echo(json.dumps(members(places), indent=2))
        return 0
    click.echo(summary(places))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table([HEADINGS, *(row(place) for place in places)], width):
        click.echo(line)
    return 0


def summary(places: Sequence[Place]) -> str:
    """``3 free, 2 in use, 1 unusable``."""
    counts = Counter(place.standing for place in places)
    return ", ".join(f"{counts[standing]} {standing.replace('_', ' ')}" for standing in Standing)


def row(place: Place) -> tuple[str, ...]:
    """One worktree's cells."""
    known = place.worktree
    standing = place.standing.replace("_", " ")
    return (standing, known.name, known.branch or "-", place.reason or "-", known.path)


def members(places: Sequence[Place]) -> dict[str, Any]:
    """The object that ``--json`` prints: a list for each standing."""
    return {
        standing.value: [
            {
                "path": place.worktree.path,
                "worktree": place.worktree.name,
                "branch": place.worktree.branch,
                "head": place.worktree.head,
                "reason": place.reason,
                "window": place.window,
            }
            for place in places
            if place.standing is standing
        ]
        for standing in Standing
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
