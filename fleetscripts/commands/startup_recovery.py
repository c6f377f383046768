"""``startup-recovery``: the first command of a new orchestrator conversation."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json

MOST_CALLS = 12
"""Of the next commands, in its one line."""


@click.command("startup-recovery")
@json_option
@settings_options
def command(as_json: bool, options: Mapping[str, object]) -> int:
    """Report what survived a restart: each agent in one sentence, and which commands to run next.

    Reads the records and every pane once; changes nothing. Of other machines it says what was last heard. In an
    orchestrator's session it also reports missing permission rules, without which the client asks before running these
    scripts.
    """
    from fleetscripts.adapters.records.store import StateMissing
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.setup.requirements import missing_permissions

    permissions = missing_permissions(os.environ)
    try:
        settings, fleet = load_fleet(os.environ, options)
    except StateMissing as missing:
        none = {"summary": "no fleet", "agents": [], "calls": [], "permissions": permissions}
        click.echo(json.dumps(none) if as_json else f"no fleet: {missing}")
        if permissions and not as_json:
            click.echo(permissions)
        return 0
    from fleetscripts.core.reports.event_text import and_more, within
    from fleetscripts.services.reports.startup import survey

    found = survey(settings, fleet, time.time())
    if as_json:
        print_json({**found.to_json(), "permissions": permissions})
        return 0
    click.echo(sanitize(found.summary))
    if permissions:
        click.echo(sanitize(permissions))
    for line in within([one.sentence for one in found.survivors]):
        click.echo(line)
    for line in found.hosts:
        click.echo(line)
    if found.calls:
        first, left = found.calls[:MOST_CALLS], len(found.calls[MOST_CALLS:])
        click.echo(sanitize(f"next: {'; '.join([*first, *and_more(left)])}"))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
