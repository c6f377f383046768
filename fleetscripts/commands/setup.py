"""``setup``: links the skill, offers its permission rules, and lists what is missing with the command that fixes it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options, yes_option
from fleetscripts.commands.output import print_json
from fleetscripts.errors import EXIT_DONE, EXIT_NO, UsageProblem
from fleetscripts.invocation import spelled

if TYPE_CHECKING:
    from fleetscripts.services.setup.skill_link import ClientFolder


@click.command("setup")
@click.option("--check", is_flag=True, help="Only check; exit 3 when something is missing.")
@click.option("--undo", is_flag=True, help="Remove the link and the rules that setup created.")
@yes_option
@json_option
@settings_options
def command(check: bool, undo: bool, yes: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Link the skill into Claude Code's folder and check this machine's requirements.

    The suggested permission rules are shown first, and written to the settings only if a person agrees on the terminal,
    or with --yes. Running it again changes nothing that is already set up.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.setup.requirements import findings
    from fleetscripts.services.setup.skill_link import ClientFolder

    if check and undo:
        raise UsageProblem("expected one of --check and --undo, found both")
    folder = ClientFolder.of(os.environ)
    if undo:
        return _undo(folder, as_json)
    if not check:
        folder.make_link()
        _offer_rules(folder, yes, quiet=as_json)
    found = findings(folder, load_settings_here(os.environ, options), os.environ, Path.cwd())
    if as_json:
        shown = [{"name": one.name, "ok": not one.mend, "found": one.found, "mend": one.mend} for one in found]
        print_json({"link": str(folder.link), "rules_missing": folder.missing_rules(), "findings": shown})
    for finding in () if as_json else found:
        mend = f"; to mend it: {finding.mend}" if finding.mend else ""
        click.echo(sanitize(f"{'missing' if finding.mend else 'ok'}: {finding.name}: {finding.found}{mend}"))
    return EXIT_NO if any(finding.mend for finding in found) else EXIT_DONE


def _undo(folder: ClientFolder, as_json: bool) -> int:
    if as_json:
        print_json({"link_removed": folder.drop_link(), "rules_removed": folder.drop_rules()})
        return EXIT_DONE
    click.echo(f"link {folder.link}: {'removed' if folder.drop_link() else 'there was none of ours'}")
    click.echo(f"rules in {folder.settings_file}: {folder.drop_rules()} removed")
    return EXIT_DONE


def _offer_rules(folder: ClientFolder, agreed: bool, *, quiet: bool) -> None:
    from fleetscripts.agents import DEFAULT_KIND
    from fleetscripts.agents.kinds import kind_named

    missing = folder.missing_rules()
    if quiet and agreed:
        folder.add_rules()
    if quiet or not missing:
        return
    click.echo(
        f"rules that keep {kind_named(DEFAULT_KIND).title} from asking for these scripts, for {folder.settings_file}:"
    )
    for rule in missing:
        click.echo(f"  {rule}")
    click.echo(
        "they admit every argument of these scripts, also --state-file, --tmux-socket and --fleet-home (another "
        "fleet's records), for which the hook leaves the question to the client"
    )
    asked = not agreed and sys.stdin.isatty() and sys.stdout.isatty()
    if agreed or (asked and click.confirm("Write them?", default=False)):
        folder.add_rules()
        click.echo("written")
    else:
        click.echo(f"not written: {spelled('setup')} --yes writes them")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
