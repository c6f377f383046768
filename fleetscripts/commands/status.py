"""``status``: the fleet's records with what their panes run now; live, or as a timeline picture."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.elsewhere import here_option
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import FleetError, UsageProblem

if TYPE_CHECKING:
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.reports.status import AgentStatus, FleetStatus

NARROWEST_TERMINAL = 20
TERMS_OF_PAPER = frozenset({"", "dumb", "unknown"})
"""Values of TERM for terminals without cursor movement."""


@click.command("status")
@click.option("--all", "everyone", is_flag=True, help="Include agents whose worktree was recycled.")
@click.option("--brief", is_flag=True, help="In few words, or with --json few fields, for a model: what waits first.")
@click.option("--me", is_flag=True, help="Only the agent of this pane (TMUX_PANE): its task and checkpoints.")
@click.option(
    "--watch", is_flag=True, help="Live view; j/k or arrows select, Enter goes to the agent's window, q quits."
)
@click.option("--timeline", is_flag=True, help="Write a timeline of all agents as SVG; print its path.")
@click.option("--output", metavar="FILE", help="With --timeline: output file (- for standard output).")
@click.option("--since", "begun", metavar="AGO", default="1d", show_default=True, help="With --timeline: how far back.")
@click.option("--color", "colour", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@here_option
@json_option
@settings_options
def command(
    everyone: bool,
    brief: bool,
    me: bool,
    watch: bool,
    timeline: bool,
    output: str | None,
    begun: str,
    colour: str,
    here: bool,
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """Show every agent: state and its age, branch, pull request with checks as last verified, steps, account, what runs
    in its pane, and its last message (or why it waits)."""
    from fleetscripts.services.context import load_fleet

    if sum((me, watch, timeline)) > 1 or (output is not None and not timeline):
        raise UsageProblem("expected one of --me, --watch, --timeline; --output only with --timeline")
    if timeline:
        return draw(options, output, begun)
    if watch:
        return live(options, colour)
    settings, fleet = load_fleet(os.environ, options)
    if me:
        return show_own(fleet, as_json)

    from fleetscripts.services.observe.panes_begun import begin_listing_of

    listing = begin_listing_of(fleet, settings)  # tmux works while the rest is loaded

    from fleetscripts.adapters.records.store import Store
    from fleetscripts.services.reports import status as service

    status = service.fleet_status(settings, fleet, time.time(), here=here, listing=listing)
    known = (*status.agents, *status.on_hosts())
    shown = replace(status, agents=known if everyone else tuple(filter(_is_there, known)))
    if brief:
        tell_briefly(shown, as_json)
    elif as_json:
        print_json(service.as_json(status))
    else:
        click.echo("\n".join(summary(status)))
        show(shown, sys.stdout.isatty(), coloured(colour, sys.stdout.isatty(), os.environ))
    try:
        service.record_look(Store(settings.state_file), fleet, os.environ, status.at)
    except FleetError as error:
        click.echo(f"status: {error}", err=True)
    return 0


def tell_briefly(status: FleetStatus, as_json: bool) -> None:
    """Each agent in a few words or fields."""
    from fleetscripts.core.reports.status_brief import brief_json, brief_lines
    from fleetscripts.core.reports.status_text import in_order

    agents = in_order([known.agent for known in status.agents])
    if as_json:
        fleet = status.fleet
        head = {"active": fleet.active, "session": fleet.tmux_session, "loop_running": status.watched}
        click.echo(brief_json(head | {"counts": dict(status.counts())}, agents, status.at))
        return
    step = status.next_step()
    for line in (*summary(status), *brief_lines(agents, status.at), *([f"next: {step}"] if step else [])):
        click.echo(line)


def _is_there(known: AgentStatus) -> bool:
    from fleetscripts.models import AgentState

    return known.agent.state is not AgentState.RECYCLED


def show_own(fleet: Fleet, as_json: bool) -> int:
    """An agent's own record."""
    from fleetscripts.core.records.sanitize import sanitize_lines
    from fleetscripts.core.reports.status_text import about
    from fleetscripts.fleet import AGENT_SEED_FIELDS
    from fleetscripts.schema import write
    from fleetscripts.services.observe.agent_pane import agent_in_pane

    agent = agent_in_pane(fleet, os.environ)
    if agent is None:
        raise FleetError(f"no agent is recorded in this pane ({os.environ.get('TMUX_PANE') or 'TMUX_PANE not set'})")
    if as_json:
        print_json(write(agent, AGENT_SEED_FIELDS))
    else:
        click.echo("\n".join([*about(agent), "objective:", sanitize_lines(agent.objective)]))
    return 0


def live(options: Mapping[str, object], colour: str) -> int:
    """The live view on this terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageProblem("--watch: expected a terminal; in a pipe call status without it")
    if (term := os.environ.get("TERM", "")) in TERMS_OF_PAPER:
        raise UsageProblem(f"--watch: expected a terminal that can draw, found TERM={term}; call status without it")
    from rich.console import Console

    from fleetscripts.services.reports.live_screen import LiveScreen
    from fleetscripts.services.reports.status_watch import StatusWatch

    plain = not coloured(colour, True, os.environ)
    console = Console(highlight=False, no_color=plain, markup=False)
    StatusWatch(os.environ, options, LiveScreen(console)).run()
    return 0


def draw(options: Mapping[str, object], output: str | None, begun: str) -> int:
    """The timeline picture."""
    from fleetscripts.core.reports.history_text import since
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.reports.timeline import default_file, picture, write_picture

    now = time.time()
    first = since(begun, now)
    if first is None:
        raise UsageProblem(f"--since: expected 90s, 15m, 2h or 1d, found {begun!r}")
    settings = load_settings_here(os.environ, options)
    svg = picture(settings, first, now)
    if output == "-":
        click.echo(svg, nl=False)
        return 0
    file = default_file(settings) if output is None else Path(output)
    write_picture(file, svg)
    click.echo(str(file))
    return 0


def coloured(wanted: str, on_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Whether to colour: as asked for, else on a terminal unless NO_COLOR or TERM forbid it."""
    if wanted != "auto":
        return wanted == "always"
    return on_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def show(status: FleetStatus, on_terminal: bool, colours: bool) -> None:
    """Print the table and the next step; on a terminal cut to its width."""
    from fleetscripts.core.records.sanitize import fit
    from fleetscripts.core.reports.status_columns import readable
    from fleetscripts.core.reports.status_text import COLOURS, UNREACHABLE, in_order
    from fleetscripts.core.reports.table import table

    if not status.agents:
        return
    lines_by_key = {line.agent.key: line for line in status.lines()}
    shown = in_order([known.agent for known in status.agents])
    rows = [lines_by_key[agent.key] for agent in shown]
    columns = max(os.get_terminal_size(sys.stdout.fileno()).columns, NARROWEST_TERMINAL) if on_terminal else None
    kept = readable(rows, columns)
    lines = table([[one.name for one in kept], *([one.cell(row) for one in kept] for row in rows)], columns)
    lines = lines if columns is None else [fit(line, columns) for line in lines]
    click.echo(click.style(lines[0], bold=True) if colours else lines[0], color=colours)
    for line, row in zip(lines[1:], rows, strict=True):
        unheard = row.command.startswith(UNREACHABLE) or None
        styled = click.style(line, fg=COLOURS.get(row.agent.state), dim=unheard) if colours else line
        click.echo(styled, color=colours)
    if step := status.next_step():
        click.echo(fit(f"next: {step}", columns) if columns is not None else f"next: {step}")


def summary(status: FleetStatus) -> list[str]:
    """One line each on the fleet, its loop, its spending, and other machines if there are any."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.core.reports.status_text import age, by_urgency

    fleet = status.fleet
    counts = ", ".join(f"{count} {state}" for state, count in by_urgency(status.counts()))
    elsewhere = len(status.on_hosts())
    counts = f"{counts or 'no agents'}{f' ({elsewhere} on other machines)' if elsewhere else ''}"
    where = f"session {sanitize(fleet.tmux_session)}, " if fleet.tmux_session else ""
    loop = "runs outside tmux" if status.watched else "not running"
    if status.loop is not None:
        loop = f"in {status.loop.window}"
    elif fleet.loop_window and not status.watched:
        loop = f"recorded in {fleet.loop_window}, but that window is gone"
    looked = f", last cycle {age(status.at - fleet.last_poll_at)} ago" if fleet.last_poll_at else ""
    head = f"fleet {'active' if fleet.active else 'stopped'}: {where}{counts}"
    return [head, sanitize(f"loop {loop}{looked}"), *_spent(status), *_hosts(status)]


def _spent(status: FleetStatus) -> list[str]:
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.core.reports.spent_text import sentence
    from fleetscripts.core.spending.caps import SHARED

    if status.spent is None or not (status.spent.today.tokens.counted or status.spent.standings):
        return []
    near = [f"; {one.words}" for one in status.spent.standings if one.near and one.scope in SHARED]
    return [sanitize(f"spent today {sentence(status.spent.today)}{''.join(near)}")]


def _hosts(status: FleetStatus) -> list[str]:
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.reports.status import LINKED, lacks_loop, silence

    told = [
        f"{view.name} {LINKED if view.reachable else f'{silence(view)} ({view.problem})'}"
        + (", no loop runs there" if lacks_loop(view) else "")
        + (", drained" if view.drained else "")
        for view in status.hosts
    ]
    return [sanitize(f"hosts: {', '.join(told)}")] if told else []


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
