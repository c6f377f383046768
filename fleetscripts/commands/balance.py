"""``balance``: the remaining budget of each account's usage windows, and the agents' spending."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.elsewhere import here_option, members_of, others, print_others, rows_of, told, unreachable
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.core.records.sanitize import sanitize

if TYPE_CHECKING:
    from fleetscripts.services.links.everywhere import Answer


@click.command("balance")
@click.option("--why", is_flag=True, help="Print one line per account, best first: NAME STATE 5H% WEEK% RESETS REASON.")
@click.option("--spent", is_flag=True, help="Print what was spent by day, account, agent and task, and the caps on it.")
@click.option("--allow", metavar="NAME", help="Allow the same amount again at a reached cap: agent, day or fleet.")
@here_option
@json_option
@settings_options
def command(why: bool, spent: bool, allow: str | None, here: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Show how much of each account's 5-hour and weekly usage windows is left, best account first.

    States: ok, capped (at a limit, or down to its reserve), unknown (no data yet). RESETS is the time until the window
    resets. The figures come from the clients' status lines and from usage limits that agents hit; no network request is
    made.
    """
    if allow is not None:
        return _allow(options, allow)
    if spent:
        return _spent(options, here, as_json)
    from fleetscripts.core.reports.table import table
    from fleetscripts.services.accounts import balance as shown
    from fleetscripts.services.accounts.launcher import busy_accounts, known_standings
    from fleetscripts.services.context import load_settings_here

    settings = load_settings_here(os.environ, options)
    now = time.time()
    known, busy = known_standings(settings, now=now), busy_accounts(settings)
    elsewhere = () if here else others(settings, ["balance", *(["--json"] if as_json else ["--why"] if why else [])])
    if as_json:
        rows_here = [shown.members(found, busy[found.account.name], now) for found in known]
        print_json([*rows_here, *rows_of(members_of(elsewhere))])
    elif why:
        for found in known:
            print(shown.why(found, now))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        rows = [shown.row(found, busy[found.account.name], now) for found in known]
        print("\n".join(table([shown.HEADINGS, *rows], width)))
    if why:
        _print_lines(elsewhere)
    elif not as_json:
        print_others(elsewhere)
    return 0


def _print_lines(elsewhere: Sequence[Answer]) -> None:
    """Each host's lines for scripts, which read the account first; what could not be had is no such line."""
    for answer in elsewhere:
        lines = told(answer.view, answer.reply.stdout).splitlines() if answer.reply is not None else []
        for line in lines:
            print(sanitize(f"{answer.view.name}/{line}"))
        if not lines:
            why = unreachable(answer) if answer.reply is None else told(answer.view, answer.reply.stderr)
            print(f"balance: {answer.view.name}: {sanitize(why.strip())}", file=sys.stderr)


def _spent(options: Mapping[str, object], here: bool, as_json: bool) -> int:
    from fleetscripts.core.reports.spent_text import members, spent_tables, with_hosts
    from fleetscripts.core.reports.table import table
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.spending.report import spent_report

    settings, fleet = load_fleet_here(os.environ, options)
    found = spent_report(settings, fleet or Fleet(), time.time())
    elsewhere = () if here else others(settings, ["balance", "--spent", "--json"])
    hosts = members_of(elsewhere)
    ledger = with_hosts(found.ceiling.ledger, hosts)
    silent = {name: said for name, said in hosts.items() if "problem" in said}
    if as_json:
        more = {"unheard": silent} if silent else {}
        print_json(members(ledger, found.standings) | more)
        return 0
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    blocks = [table(rows, width) for rows in spent_tables(ledger)]
    caps = [f"{standing.key}: {standing.words}" for standing in found.standings]
    print("\n\n".join("\n".join(lines) for lines in (*blocks, caps) if lines))
    print_others([answer for answer in elsewhere if answer.view.name in silent])
    return 0


def _allow(options: Mapping[str, object], name: str) -> int:
    from fleetscripts.core.spending.caps import SHARED
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.observe.agent_meant import agent_named
    from fleetscripts.services.spending.ceiling import allow

    settings, fleet = load_fleet(os.environ, options)
    named = name if name in SHARED else agent_named(settings, fleet, name)
    for standing in allow(settings, fleet, named, time.time()):
        print(f"{standing.key}: another {standing.cap.words(standing.cap.amount)} may be spent")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
