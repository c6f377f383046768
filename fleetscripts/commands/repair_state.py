"""``repair-state``: compares the state file with tmux, processes and git, and repairs it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import FleetError
from fleetscripts.invocation import spelled


@click.command("repair-state")
@click.option("--dry-run", is_flag=True, help="Report what would be repaired; change nothing.")
@click.option("--from-backup", is_flag=True, help="Replace a damaged or missing file by the last good backup.")
@json_option
@settings_options
def command(dry_run: bool, from_backup: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Compare the state file with reality, repair what is certain, and report each repair.

    Repaired are windows that are gone or renamed, clients that moved to another pane, a loop that is gone, worktrees
    that are spare again or gone, duplicate agents, and impossible values from manual edits. An unreadable file is never
    overwritten unasked: the error names the problem and the last good backup.
    """
    from fleetscripts.adapters.records.store import StateDamaged, StateMissing, Store
    from fleetscripts.config import load_settings
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet

    if dry_run and from_backup:
        raise click.UsageError("expected either --dry-run or --from-backup")
    from fleetscripts.services.lifecycle.repair import backup_of, put_back, repair
    from fleetscripts.services.worktrees.spares import settle_left

    store = Store(load_settings(os.environ, options).state_file)
    if from_backup:
        backup, aside = put_back(store)
        kept = f"; the former file is kept as {aside}" if aside is not None else ""
        click.echo(f"put back {backup.words}{kept}")
    try:
        settings, fleet = load_fleet(os.environ, options)
    except (StateDamaged, StateMissing) as error:
        found = backup_of(store)
        offer = f"; {spelled('repair-state')} --from-backup puts back {found.words}" if found is not None else ""
        raise FleetError(f"{error}{offer}") from error
    report = repair(settings, fleet, dry_run)
    if not dry_run:
        report.notes.extend(settle_left(settings))
    if as_json:
        print_json({"dry_run": dry_run, "repairs": report.repairs, "notes": report.notes})
        return 0
    for words in report.repairs:
        click.echo(sanitize(f"{'would mend' if dry_run else 'mended'}: {words}"))
    for words in report.notes:
        click.echo(sanitize(f"note: {words}"))
    if not report.repairs:
        click.echo("nothing to mend")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
