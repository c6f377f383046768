"""classify-pane: a pane's state, and the evidence for it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.agents import KINDS
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options
from fleetscripts.errors import EXIT_DONE, EXIT_FAILED, UsageProblem
from fleetscripts.models import Classification, Evidence
from fleetscripts.own_folder import fleet_home

if TYPE_CHECKING:
    from fleetscripts.core.screen.screen import Layout


def as_record(found: Classification) -> dict[str, Any]:
    """One classification as the printed object, without empty fields."""
    record: dict[str, Any] = {"state": found.state, "reason": found.reason, "pane_cmd": found.pane_cmd}
    optional = {
        "dialog": found.dialog,
        "error": found.error,
        "resets_at": None if found.resets_at is None else int(found.resets_at),
        "draft": found.draft,
        "background": found.background or None,
        "source": found.source,
        "evidence": [_piece(piece) for piece in found.evidence] or None,
    }
    return record | {name: value for name, value in optional.items() if value is not None}


def _piece(piece: Evidence) -> dict[str, Any]:
    fields = {"source": piece.source, "state": piece.state, "reason": piece.reason, "rule": piece.rule, "at": piece.at}
    return {name: value for name, value in fields.items() if value is not None}


def classify_screens(
    files: Sequence[Path], agent: str, command: str | None, title: str | None, all_evidence: bool, explain: bool
) -> int:
    """Print one line per file, in order; an unreadable file is a line on stderr and exit code 1 at the end."""
    from fleetscripts.adapters.system.zone import local_zone
    from fleetscripts.services.observe.rule_files import load_rules
    from fleetscripts.services.observe.saved_screens import ScreenHints, UnreadableScreen, classify_saved, read_saved

    rules = load_rules(fleet_home(os.environ))
    told = ScreenHints(agent, command, title, all_evidence)
    code = EXIT_DONE
    for path in files:
        try:
            found, reading = classify_saved(read_saved(path, told), rules, local_zone())
        except UnreadableScreen as error:
            print(f"classify-pane: {' '.join(str(error).split())}", file=sys.stderr)
            code = EXIT_FAILED
            continue
        if explain:
            from fleetscripts.core.screen.explain import nearest

            near = nearest(rules[reading.agent], reading.layout, reading.screen.rule)
            print(explanation(str(path), found, str(near) if near else None, reading.layout))
            continue
        print(json.dumps({"screen": str(path)} | as_record(found), ensure_ascii=False))
    return code


def explanation(name: str, found: Classification, nearest_rule: str | None, layout: Layout | None = None) -> str:
    """The classification for a person: what decided, what the others said, the nearest rule, and the text of each
    region of the screen, which is data and never an instruction."""
    lines = [f"{name}: {found.state}{f' ({found.dialog})' if found.dialog else ''}"]
    lines.append(f"  decided by {found.source or 'nothing'}: {found.reason}")
    for piece in found.evidence:
        rule = f" [rule {piece.rule}]" if piece.rule else ""
        lines.append(f"  {piece.source} says {piece.state or 'nothing of the state'}: {piece.reason}{rule}")
    if found.draft:
        lines.append(f"  unsent text in the box: {found.draft!r}")
    lines.append(f"  nearest rule that did not match: {nearest_rule or 'none'}")
    from fleetscripts.core.records.sanitize import sanitize

    for region, shown in (layout.regions if layout else {}).items():
        lines += [f"  region {region}: {sanitize(shown.flat)}"] if shown else []
        lines += [f"  region {region}, its ending: {sanitize(shown.ending)}"] if shown.ending else []
    return "\n".join(lines)


@click.command("classify-pane")
@click.argument("windows", nargs=-1, metavar="[WINDOW | FILE...]")
@click.option("--screen", "screens", is_flag=True, help="The arguments are saved captures, not windows.")
@click.option("--agent", type=click.Choice([*KINDS, "auto"]), default="auto", help="Client that the pane runs.")
@click.option("--command", "pane_command", metavar="CMD", help="Foreground command of the pane (with --screen).")
@click.option("--title", metavar="TITLE", help="Title of the pane (with --screen).")
@click.option("--all-evidence", is_flag=True, help="Also use the session registry saved in NAME.json (with --screen).")
@click.option(
    "--explain",
    is_flag=True,
    help="Explain in words: the deciding evidence, the nearest other rule, the text of each region.",
)
@settings_options
def command(
    windows: tuple[str, ...],
    screens: bool,
    agent: str,
    pane_command: str | None,
    title: str | None,
    all_evidence: bool,
    explain: bool,
    options: dict[str, Any],
) -> int:
    """Classify the state of WINDOW, or with --screen of saved captures FILE...; print one JSON object per line.

    WINDOW is SESSION:WIN, a pane id, a window id, or a worktree's name. A capture is the output of `tmux capture-pane
    -p` (or `-p -e`); NAME.json beside it supplies agent, size and tmux facts that are not given as options.

    \b
    Exit codes: 0 classified, 1 something could not be read, 2 usage.
    """
    if screens:
        if not windows:
            raise UsageProblem("expected at least one FILE after --screen")
        if "fleet_home" in options:
            os.environ["FLEET_HOME"] = str(options["fleet_home"])
        return classify_screens([Path(name) for name in windows], agent, pane_command, title, all_evidence, explain)
    if len(windows) != 1:
        raise UsageProblem(f"expected one WINDOW, or --screen FILE..., found {len(windows)} arguments")
    return classify_window(windows[0], options, explain)


def classify_window(window: str, options: dict[str, Any], explain: bool) -> int:
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.observe.window_state import nearest_rule, state_of

    settings, fleet = load_fleet_here(os.environ, options)
    found = state_of(window, settings, fleet, time.time())
    if explain:
        print(
            explanation(
                window,
                found.classification,
                nearest_rule(settings, found),
                found.reading.layout if found.reading else None,
            )
        )
        return EXIT_DONE
    place: dict[str, Any] = {"window": window}
    if found.exists:
        place = {"window": found.facts.window, "pane_id": found.facts.pane_id, "session_id": found.session_id}
    known = {name: value for name, value in place.items() if value}
    print(json.dumps(as_record(found.classification) | known, ensure_ascii=False))
    return EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
