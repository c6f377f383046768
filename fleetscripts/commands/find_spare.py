"""``find-spare``: lists the free spare worktrees, one ``PATH BRANCH`` per line."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import EXIT_DONE, EXIT_NO
from fleetscripts.invocation import spelled

if TYPE_CHECKING:
    from fleetscripts.core.planning.capacity import WorktreeListing


@click.command("find-spare")
@click.argument("repo", required=False, type=click.Path(path_type=Path), default=".", metavar="[REPO]")
@json_option
@settings_options
def command(repo: Path, as_json: bool, options: Mapping[str, object]) -> int:
    """List the spare worktrees of REPO (default: the current repository), lowest number first, each as PATH BRANCH.

    The branch is the last word of a line; the path before it may contain spaces. Exits 3 when there is none.
    """
    from fleetscripts.adapters.git.worktrees import begin_worktrees

    listing = begin_worktrees(repo)  # git works while the rest is loaded

    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.worktrees.spares import free, survey

    spares = free(survey(repo, load_settings_here(os.environ, options), listing))
    if as_json:
        print_json([{"path": place.worktree.path, "branch": place.worktree.branch} for place in spares])
        return EXIT_DONE if spares else EXIT_NO
    offered = [place for place in spares if fits_one_line(place.worktree.path)]
    for place in offered:
        click.echo(line(place))
    for place in spares:
        if place not in offered:
            shown = sanitize(place.worktree.path)
            click.echo(f"find-spare: not offered, its path does not fit one line: {shown!r}", err=True)
    if not offered:
        hint = f"{spelled('capacity')} says why, {spelled('add-spare')} makes one"
        click.echo(f"find-spare: no spare worktree in {sanitize(str(repo))}: {hint}", err=True)
    return EXIT_DONE if offered else EXIT_NO


def line(place: WorktreeListing) -> str:
    """``PATH BRANCH``."""
    return f"{place.worktree.path} {place.worktree.branch}"


def fits_one_line(path: str) -> bool:
    """Whether a reader of lines gets this very path."""
    return not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in path)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
