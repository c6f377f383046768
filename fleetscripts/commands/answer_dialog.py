"""answer-dialog WINDOW [--choose TEXT]...: shows a pane's dialog and the policy's ruling, and answers it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.commands.output import print_json
from fleetscripts.errors import EXIT_DONE, EXIT_NO, UsageProblem

if TYPE_CHECKING:
    from fleetscripts.core.dialogs.dialog_rows import Menu
    from fleetscripts.services.typing.dialogs import Dialog


@click.command("answer-dialog")
@window_argument
@click.option(
    "--choose", "texts", metavar="TEXT", multiple=True, help="Choose the row whose text is TEXT (or begins with it)."
)
@click.option("--show", is_flag=True, help="Only show the dialog; press nothing.")
@json_option
@settings_options
def command(window: str, texts: tuple[str, ...], show: bool, as_json: bool, options: dict[str, object]) -> int:
    """Show the dialog in WINDOW and its rows; answer it if it is a routine recovery, or as --choose says.

    For a dialog with several questions repeat --choose, in their order; separate several rows of one question by
    commas. It is submitted only if its review page shows exactly these answers.

    Exits 0 when the dialog was answered; 3 when it needs a decision and nothing was chosen, or when there is no dialog.
    Rows that spend money or grant a permission permanently are never chosen.
    """
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.models import ActionKind
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.observe.agent_pane import agent_at
    from fleetscripts.services.typing.dialog_context import dialog_context
    from fleetscripts.services.typing.dialogs import choose, dialog_on, recover
    from fleetscripts.services.typing.pane_io import open_pane_io, pane_named
    from fleetscripts.services.typing.question_tabs import answer_questions, read_questions

    settings, fleet = load_fleet_here(os.environ, options)
    pane_io = open_pane_io(settings, fleet)
    facts = pane_named(pane_io, fleet, window)
    agent = agent_at(fleet, facts.pane_id, pane_io.server)
    folder = Path(agent.worktree_path) if agent is not None and agent.worktree_path else None
    around = dialog_context(settings, folder, pane_io.screen(facts.pane_id))
    dialog = dialog_on(pane_io, facts.pane_id, around)
    several = dialog.menu is not None and bool(dialog.menu.tabs)
    questions = read_questions(pane_io, dialog) if several and not texts and not show else ()
    if not as_json:
        _show(dialog, questions)
    chosen: Sequence[str] = ()
    if texts and not show:
        chosen = answer_questions(pane_io, dialog, texts) if several else (choose(pane_io, dialog, _only(texts)),)
    elif dialog.ruling.kind is ActionKind.RECOVERY and not show:
        chosen = (recover(pane_io, dialog),)
    chosen = [sanitize(text) for text in chosen]
    if as_json:
        print_json(_members(dialog, questions) | {"chosen": chosen})
    for text in () if as_json else chosen:
        print(f"chosen: {text}")
    if chosen:
        return EXIT_DONE
    if not show and not as_json:
        print("answer-dialog: nothing was chosen: --choose TEXT chooses a row", file=sys.stderr)
    return EXIT_NO if dialog.ruling.kind is ActionKind.DECISION else EXIT_DONE


def _only(texts: tuple[str, ...]) -> str:
    if len(texts) > 1:
        raise UsageProblem(f"expected one --choose, found {len(texts)}: this dialog asks one thing")
    return texts[0]


def _members(dialog: Dialog, questions: Sequence[Menu]) -> dict[str, Any]:
    """The object that ``--json`` prints. Its texts are data."""
    from fleetscripts.core.records.sanitize import sanitize

    menus = questions or (() if dialog.menu is None else (dialog.menu,))
    return {
        "window": dialog.window,
        "dialog": dialog.kind,
        "questions": [
            {
                "question": [sanitize(line) for line in menu.question],
                "rows": [{"number": r.number, "text": sanitize(r.text), "focused": r.focused} for r in menu.rows],
            }
            for menu in menus
        ],
        "policy": {"kind": dialog.ruling.kind, "choice": dialog.chosen, "reason": sanitize(dialog.ruling.reason)},
    }


def _show(dialog: Dialog, questions: Sequence[Menu]) -> None:
    """The pane's text is hostile: every line of it is marked as a quotation."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.typing.pane_io import excerpt

    print(f"{dialog.window}: a {dialog.kind} dialog")
    if dialog.menu is None:
        print(f"| {sanitize(excerpt(dialog.observation.frame, lines=12))}")
    elif dialog.menu.tabs:
        print(f"| {len(dialog.menu.tabs)} questions: {sanitize(', '.join(tab.name for tab in dialog.menu.tabs))}")
    for menu in questions or (() if dialog.menu is None else (dialog.menu,)):
        for line in menu.question:
            print(f"| {sanitize(line)}")
        for row in menu.rows:
            number = f"{row.number}. " if row.number is not None else ""
            print(f"| {'❯' if row.focused else ' '} {number}{sanitize(row.text)}")
    answer = f"would choose {sanitize(dialog.chosen)!r}" if dialog.chosen else "asks whoever supervises"
    print(f"policy: {dialog.ruling.kind}, {answer} ({sanitize(dialog.ruling.reason)})")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(command, argv)
