"""``notify``: sends the person a message, on Discord, on the desktop and on standard output."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import FleetError, UsageProblem

if TYPE_CHECKING:
    from fleetscripts.config import Settings

LONGEST_WEBHOOK = 4000


@click.command("notify")
@click.option("--set-webhook", is_flag=True, help="Read the Discord webhook from standard input and store it.")
@click.option("--urgent", is_flag=True, help="Send as an escalation, which may pass quiet hours and rate limits.")
@click.option("--forget-webhook", is_flag=True, help="Remove the stored Discord webhook.")
@json_option
@settings_options
@click.argument("message", nargs=-1)
def command(
    set_webhook: bool,
    urgent: bool,
    forget_webhook: bool,
    message: tuple[str, ...],
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """Send MESSAGE to Discord (DISCORD_WEBHOOK_URL, or the stored webhook), the desktop and the channels under [notify]
    in config.toml, and print it. During quiet hours and bursts it is held back for a digest.

    A channel that fails prints one line of warning; the exit code stays 0, so that no caller stops because of it. A
    message that no channel accepted goes into the next digest. Mentions are disabled: @everyone stays text. Put --
    before a message that begins with a dash.
    """
    from fleetscripts.config import load_settings
    from fleetscripts.core.records.sanitize import sanitize_lines
    from fleetscripts.services.notify.notify import HELD_BACK, holds_back, notify

    if set_webhook or forget_webhook:
        if message or (set_webhook and forget_webhook):
            raise click.UsageError("expected either MESSAGE, --set-webhook or --forget-webhook")
        return keep_webhook(load_settings(os.environ, options), read_webhook() if set_webhook else "", as_json)
    text = " ".join(message)
    if not text.strip():
        raise click.UsageError("expected a MESSAGE")
    if not as_json:
        click.echo(sanitize_lines(text))
    held = False
    try:
        settings = load_settings(os.environ, options)
        before = holds_back(settings)
        warnings = notify(text, settings, os.environ, urgent)
        held = holds_back(settings) > before and not warnings
        if held and not as_json:
            click.echo(f"notify: {HELD_BACK}", err=True)
    except FleetError as error:
        warnings = [str(error)]
    if as_json:
        print_json({"message": sanitize_lines(text), "held_back": held, "warnings": warnings})
    elif warnings:
        click.echo(f"notify: not sent everywhere: {'; '.join(warnings)}", err=True)
    return 0


def read_webhook() -> str:
    """The webhook from standard input, not echoed on a terminal."""
    from fleetscripts.adapters.channels.channels import check_webhook

    text = getpass.getpass("Discord webhook: ") if sys.stdin.isatty() else sys.stdin.read(LONGEST_WEBHOOK)
    if not text.strip():
        raise UsageProblem("expected the webhook's URL on standard input, found nothing")
    return check_webhook(text.strip())


def keep_webhook(settings: Settings, webhook: str, as_json: bool) -> int:
    """Store the webhook in the state file, which only its owner can read."""
    from fleetscripts.adapters.records.store import Store
    from fleetscripts.fleet import Fleet

    Store(settings.state_file).update(lambda fleet: replace(fleet, discord_webhook=webhook), create=Fleet())
    if as_json:
        print_json({"webhook": "kept" if webhook else "removed", "state_file": str(settings.state_file)})
        return 0
    click.echo(f"Discord webhook {'kept' if webhook else 'removed'} in {settings.state_file}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
