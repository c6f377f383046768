"""answer-dialog WINDOW [--choose TEXT]: what a pane asks, what the policy says of it, and the answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fleetscripts.adapters.store import StateMissing
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options, window_argument
from fleetscripts.core.visible import visible
from fleetscripts.errors import EXIT_DONE, EXIT_NO
from fleetscripts.models import ActionKind
from fleetscripts.services.context import load_fleet, load_settings_here
from fleetscripts.services.desk import agent_at, excerpt, open_desk, pane_named
from fleetscripts.services.dialogs import Dialog, choose, dialog_on, recover
from fleetscripts.services.surroundings import surroundings


@click.command("answer-dialog")
@window_argument
@click.option("--choose", "text", metavar="TEXT", help="Choose the row that says TEXT (or begins with it).")
@click.option("--show", is_flag=True, help="Only show it: press nothing, also where the policy would.")
@settings_options
def command(window: str, text: str | None, show: bool, options: dict[str, object]) -> int:
    """Show the dialog in WINDOW with its rows; answer it where that is a recovery, or as --choose says.

    Exits 0 when it was answered, 3 when it is a decision and nothing was chosen, or there is no dialog. A row that
    spends money, or permits something for good, is never chosen.
    """
    try:
        settings, fleet = load_fleet(os.environ, options)
    except StateMissing:
        settings, fleet = load_settings_here(os.environ, options), None
    desk = open_desk(settings, fleet)
    facts = pane_named(desk, fleet, window)
    agent = agent_at(desk, fleet, facts.pane_id)
    folder = Path(agent.worktree_path) if agent is not None and agent.worktree_path else None
    around = surroundings(settings, folder, desk.screen(facts.pane_id))
    dialog = dialog_on(desk, facts.pane_id, around)
    _show(dialog)
    if text is not None and not show:
        print(f"chosen: {visible(choose(desk, dialog, text))}")
        return EXIT_DONE
    if dialog.ruling.kind is ActionKind.RECOVERY and not show:
        print(f"chosen: {visible(recover(desk, dialog))}")
        return EXIT_DONE
    if not show:
        print("answer-dialog: nothing was chosen: --choose TEXT chooses a row", file=sys.stderr)
    return EXIT_NO if dialog.ruling.kind is ActionKind.DECISION else EXIT_DONE


def _show(dialog: Dialog) -> None:
    """What the pane shows is hostile text: every line of it is marked as a quotation."""
    print(f"{dialog.window}: a {dialog.kind} dialog")
    if dialog.menu is None:
        print(f"| {visible(excerpt(dialog.sight.frame, lines=12))}")
    else:
        for line in dialog.menu.question:
            print(f"| {visible(line)}")
        for row in dialog.menu.rows:
            number = f"{row.number}. " if row.number is not None else ""
            print(f"| {'❯' if row.focused else ' '} {number}{visible(row.text)}")
    answer = f"would choose {visible(dialog.chosen)!r}" if dialog.chosen else "asks whoever supervises"
    print(f"policy: {dialog.ruling.kind}, {answer} ({visible(dialog.ruling.reason)})")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(command, argv)
