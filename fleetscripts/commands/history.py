"""``history``: the events of one agent, or of all on every machine, in words."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.elsewhere import here_option, members_of, others, print_others
from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import load_agent
from fleetscripts.commands.options import Whole, json_option, settings_options
from fleetscripts.errors import UsageProblem

if TYPE_CHECKING:
    from fleetscripts.core.hosts.names_from_here import HostNames
    from fleetscripts.core.reports.journal_story import Line

MOST_LINES = 200


@click.command("history")
@click.option("--since", "begun", metavar="AGO", help="Only newer events: 90s, 15m, 2h, 1d, or an ISO time.")
@click.option("--last", metavar="N", type=Whole(1, 10_000), default=MOST_LINES, show_default=True)
@here_option
@json_option
@click.argument("window", metavar="[WINDOW]", default="")
@settings_options
def command(begun: str | None, last: int, here: bool, as_json: bool, window: str, options: Mapping[str, object]) -> int:
    """Show the events of an agent, one per line, oldest first; without WINDOW those of all, on every machine.

    --json prints the journal's own entries, including intermediate steps. The journal keeps the last 16 MB.
    """
    if not window:
        return _of_all(begun, last, here, as_json, options)
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


def _of_all(begun: str | None, last: int, here: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Every agent's lines together; those of other machines with the time of this machine's clock."""
    from fleetscripts.core.reports.history_text import in_span, told
    from fleetscripts.core.reports.journal_story import at_of
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.reports.history import whole_journal

    settings = load_settings_here(os.environ, options)
    asked = ["history", "--json", "--last", str(min(10_000, 4 * last))]
    elsewhere = () if here else others(settings, asked)
    hosts = members_of(elsewhere)
    lines = told(whole_journal(settings))
    if as_json and here:
        lines = whole_journal(settings)
    views = {answer.view.name: answer.view for answer in elsewhere}
    for name, said in hosts.items():
        if isinstance(said, list):
            from fleetscripts.services.links.everywhere import clock_ahead  # loads what asks other machines

            ahead, names = clock_ahead(settings, name), views[name].names
            lines += [from_host(line, names, ahead) for line in told([one for one in said if isinstance(one, dict)])]
    lines.sort(key=at_of)
    if begun is not None:
        lines = in_span(lines, _time(begun, time.time()))
    if as_json:
        click.echo(json.dumps([dict(line) for line in lines[-last:]], indent=2, default=str))
        return 0
    for text in words(lines[-last:], named=True):
        click.echo(text)
    if not lines:
        click.echo("nothing is in the journal")
    print_others([answer for answer in elsewhere if not isinstance(hosts[answer.view.name], list)])
    return 0


def from_host(line: Line, names: HostNames, ahead: float) -> Line:
    """A host's line with the agent's name from here and our clock's time."""
    from fleetscripts.core.hosts.printed_from_here import members_from_here
    from fleetscripts.core.reports.journal_story import at_of, text_of

    # the journal also tells of agents that have gone since
    called = {name: names.from_here(value) for name in ("window", "worktree", "id") if (value := text_of(line, name))}
    return {**members_from_here(dict(line), names), **called, "at": max(0.0, at_of(line) - ahead)}


def words(lines: Sequence[Line], named: bool = False) -> list[str]:
    """Each line with its time, and the date where it changes. ``named``: with its agent's window."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.core.reports.history_text import sentence
    from fleetscripts.core.reports.journal_story import at_of, text_of

    shown, day = [], ""
    for line in lines:
        moment = datetime.fromtimestamp(at_of(line)).astimezone()
        if (today := f"{moment:%Y-%m-%d}") != day:
            shown.append(today)
            day = today
        who = f"{sanitize(text_of(line, 'window')) or '-'}  " if named else ""
        shown.append(f"{moment:%H:%M:%S}  {who}{sentence(line)}")
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
