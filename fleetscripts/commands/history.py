"""``history``: what happened to one agent, from the journal, in words."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import load_agent
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.errors import UsageProblem

if TYPE_CHECKING:
    from fleetscripts.core.reports.journal_story import Line

MOST_LINES = 200


@click.command("history")
@click.option("--since", "begun", metavar="AGO", help="Only newer events: 90s, 15m, 2h, 1d, or an ISO time.")
@click.option("--last", metavar="N", type=click.IntRange(1, 10_000), default=MOST_LINES, show_default=True)
@json_option
@window_argument
@settings_options
def command(begun: str | None, last: int, as_json: bool, window: str, options: Mapping[str, object]) -> int:
    """Show what happened to an agent, one line per event, oldest first.

    --json prints the journal's own entries, including intermediate steps. The journal keeps the last 16 MB.
    """
    from fleetscripts.core.reports.history_text import in_span, told
    from fleetscripts.core.reports.spent_text import sentence
    from fleetscripts.services.reports.history import history
    from fleetscripts.services.spending.report import spent_report

    settings, fleet, agent = load_agent(options, window)
    lines = history(settings, agent)
    if begun is not None:
        lines = in_span(lines, _time(begun, time.time()))
    if as_json:
        click.echo(json.dumps([dict(line) for line in lines[-last:]], indent=2, default=str))
        return 0
    shown = told(lines)
    if len(shown) > last:
        click.echo(f"({len(shown) - last} earlier lines; --last shows more)")
    for text in words(shown[-last:]):
        click.echo(text)
    if not shown:
        click.echo("nothing is in the journal about this agent")
    if (spent := spent_report(settings, fleet, time.time()).by_agent.get(agent.id)) is not None:
        click.echo(f"spent: {sentence(spent)}")
    return 0


def words(lines: Sequence[Line]) -> list[str]:
    """Each line with the time at which it happened; the day where it changes."""
    from fleetscripts.core.reports.history_text import sentence
    from fleetscripts.core.reports.journal_story import at_of

    shown, day = [], ""
    for line in lines:
        moment = datetime.fromtimestamp(at_of(line)).astimezone()
        if (today := f"{moment:%Y-%m-%d}") != day:
            shown.append(today)
            day = today
        shown.append(f"{moment:%H:%M:%S}  {sentence(line)}")
    return shown


def _time(text: str, now: float) -> float:
    from fleetscripts.core.reports.history_text import since

    found = since(text, now)
    if found is None:
        try:
            found = datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise UsageProblem(f"--since: expected 90s, 15m, 2h, 1d or an ISO time, found {text!r}") from None
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
