"""``capacity``: every worktree of a repository: free, in use, or unusable and why."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.elsewhere import here_option, members_of, named_from_here, others, print_others
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json

if TYPE_CHECKING:
    from fleetscripts.adapters.system.disk_usage import DiskUsage
    from fleetscripts.core.planning.capacity import WorktreeListing
    from fleetscripts.core.planning.set_up_state import SetUp

HEADINGS = ("STANDING", "WORKTREE", "BRANCH", "WHY", "DISK", "PATH")
SET_UP_HEADINGS = ("SLOT", "SET-UP")
COUNTING_SECONDS = 2.0
"""For the disk usage of all worktrees together; an incomplete count is marked."""


@click.command("capacity")
@click.argument("repo", required=False, type=click.Path(path_type=Path), default=".", metavar="[REPO]")
@here_option
@json_option
@settings_options
def command(repo: Path, here: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Show the worktrees of REPO (default: the current repository): free, in use, or unusable and why."""
    from fleetscripts.adapters.system.disk_usage import disk_usage
    from fleetscripts.core.reports.table import table
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.verification.review_gate import TABLE, unreviewed_now
    from fleetscripts.services.worktrees.set_up import set_ups
    from fleetscripts.services.worktrees.spares import survey

    settings = load_settings_here(os.environ, options)
    places = survey(repo, settings)
    known = set_ups(settings, os.environ, places)
    until = time.monotonic() + COUNTING_SECONDS
    disk = {place.worktree.path: disk_usage(Path(place.worktree.path), until) for place in places}
    waiting = len(unreviewed_now(settings)) if TABLE in settings.extra else None
    elsewhere = () if here else others(settings, ["capacity", *(["--json"] if as_json else [])])
    if as_json:
        more: dict[str, Any] = {"hosts": named_from_here(elsewhere, members_of(elsewhere))} if elsewhere else {}
        more |= {} if waiting is None else {"unreviewed": waiting}
        print_json(members(places, known, disk) | more)
        return 0
    click.echo(summary(places) + ("" if waiting is None else f"; finished and not reviewed: {waiting}"))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    headings = (*HEADINGS[:-1], *(SET_UP_HEADINGS if known else ()), HEADINGS[-1])
    for line in table([headings, *(row(place, known, disk) for place in places)], width):
        click.echo(line)
    print_others(elsewhere)
    return 0


def summary(places: Sequence[WorktreeListing]) -> str:
    """``3 free, 2 in use, 1 unusable``."""
    from fleetscripts.core.planning.capacity import WorktreeUse

    counts = Counter(place.standing for place in places)
    return ", ".join(f"{counts[standing]} {standing.replace('_', ' ')}" for standing in WorktreeUse)


def row(place: WorktreeListing, set_ups: Mapping[str, SetUp], disk: Mapping[str, DiskUsage]) -> tuple[str, ...]:
    """One worktree's cells; set-up columns only if one is configured."""
    known = place.worktree
    standing = place.standing.replace("_", " ")
    ready = set_ups.get(known.path)
    said = (str(ready.slot or "-"), ready.words) if ready is not None else ("-", "-")
    cells = (standing, known.name, known.branch or "-", place.reason or "-", disk[known.path].words)
    return (*cells, *(said if set_ups else ()), known.path)


def members(
    places: Sequence[WorktreeListing], set_ups: Mapping[str, SetUp], disk: Mapping[str, DiskUsage]
) -> dict[str, Any]:
    """The object that ``--json`` prints: a list for each use."""
    from fleetscripts.core.planning.capacity import WorktreeUse

    return {
        standing.value: [
            {
                "path": place.worktree.path,
                "worktree": place.worktree.name,
                "branch": place.worktree.branch,
                "head": place.worktree.head,
                "reason": place.reason,
                "window": place.window,
                "disk_bytes": disk[place.worktree.path].bytes,
                **_set_up_members(set_ups.get(place.worktree.path)),
            }
            for place in places
            if place.standing is standing
        ]
        for standing in WorktreeUse
    }


def _set_up_members(found: SetUp | None) -> dict[str, Any]:
    return {} if found is None else {"slot": found.slot, "set_up": {"state": found.readiness, "why": found.why}}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
