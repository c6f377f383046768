"""``hosts``: the other machines on which agents of this fleet work."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import EXIT_DONE, EXIT_NO, Refusal, UsageProblem
from fleetscripts.invocation import spelled

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.services.hosts.registry import Host

ACTIONS = ("list", "add", "check", "connect", "drain", "remove", "give-account", "link")


@click.command("hosts")
@click.argument("action", type=click.Choice(ACTIONS), default="list", metavar="[ACTION]")
@click.argument("name", default="", metavar="[NAME]")
@click.argument("address", default="", metavar="[[USER@]HOST]")
@click.option("--agent", default="", metavar="KIND", help="give-account: the client that the account is for.")
@click.option("--home-there", metavar="DIR", type=Path, help="add: FLEET_HOME there, if not the default.")
@click.option("--state-file-there", metavar="PATH", type=Path, help="add: the state file there.")
@click.option("--socket-there", metavar="NAME", default="", help="add: tmux socket name there.")
@click.option("--force", is_flag=True, help="remove: even while agents are at work there; they continue.")
@click.option("--gone", is_flag=True, help="drain: the machine is lost, and its agents with it.")
@json_option
@settings_options
def command(
    action: str,
    name: str,
    address: str,
    agent: str,
    home_there: Path | None,
    state_file_there: Path | None,
    socket_there: str,
    force: bool,
    gone: bool,
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """List, add, check, connect, drain or remove the machines on which agents of this fleet work.

    \b
    list                     each host, whether it is reachable, and its agents
    add NAME [USER@]HOST     set it up over ssh (its own copy of these scripts); again, with NAME alone: update it
    check [NAME]             what is missing there, and the results of calls that were interrupted
    connect NAME [[U@]HOST]  log in once, if ssh asks for a password, a token or a touch; all calls use this connection
    drain NAME               start nothing new there; --gone gives up its agents, refused while it might be alive
    give-account NAME ACCOUNT  list an account there, with the long-lived token on standard input
    remove NAME              remove it; its agents continue, and it works on its own

    Uses your ssh and its configuration; the connection is kept for ten minutes after its last use. Exits 3 when a
    host cannot be reached, and check also when something is missing there.
    """
    from fleetscripts.services.context import load_settings_here
    from fleetscripts.services.hosts import registry
    from fleetscripts.services.links import adding

    settings = load_settings_here(os.environ, options)
    if action != "list" and action != "check" and not name:
        raise UsageProblem(f"expected {action} NAME, found no name")
    if action == "list":
        return _list(settings, as_json)
    if action == "link":
        return _link(settings, name)
    if action == "add":
        host = adding.checked(settings, name, address)
        there = {"fleet_home": home_there or "", "state_file": state_file_there or "", "tmux_socket": socket_there}
        given = {key: str(value) for key, value in there.items() if value}
        return _tell(adding.add(settings, registry.with_fields(host, given)), as_json)
    if action == "connect":
        return _tell([_connect(settings, name, address)], as_json)
    if action == "check":
        return _check(settings, name, as_json)
    host = registry.host_named(settings, name)
    if action == "give-account":
        return _tell([_give(settings, host, address, agent)], as_json)
    if action == "drain":
        return _tell([adding.drain(settings, host, gone)], as_json)
    return _tell([adding.remove(settings, host, force)], as_json)


def _tell(lines: Iterable[str], as_json: bool, code: int = EXIT_DONE) -> int:
    """Print each line as it comes, or all of them at the end as JSON."""
    told = []
    for line in lines:
        told.append(line)
        if not as_json:
            click.echo(line)
    if as_json:
        click.echo(json.dumps({"lines": told}))
    return code


def _list(settings: Settings, as_json: bool) -> int:
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.core.reports.table import table
    from fleetscripts.services.hosts import registry
    from fleetscripts.services.hosts.mirrors import view_of
    from fleetscripts.services.links import adding

    known = registry.hosts(settings)
    views = [view_of(settings, host, time.time()) for host in known]
    if as_json:
        rows = [
            {
                "name": host.name, "address": host.address, "reachable": view.reachable,
                "since_seconds": round(view.since_seconds), "agents": adding.agents_at_work(view),
                "problem": sanitize(view.problem), "drained": bool(host.drained_at), "gone": bool(host.gone_at),
            }
            for host, view in zip(known, views, strict=True)
        ]  # fmt: skip
        print_json(rows)
        return EXIT_DONE
    if not known:
        return _tell([_none()], as_json)
    rows_of_text = [
        (
            host.name,
            host.address,
            "gone" if host.gone_at else "up" if view.reachable else "down",
            str(adding.agents_at_work(view)),
            " ".join(filter(None, ("drained" if host.drained_at else "", view.problem, _left(settings, host)))),
        )
        for host, view in zip(known, views, strict=True)
    ]
    for line in table([("HOST", "ADDRESS", "LINK", "AGENTS", "NOTES"), *rows_of_text]):
        click.echo(line)
    return EXIT_DONE


def _left(settings: Settings, host: Host) -> str:
    from fleetscripts.services.links.adding import NOT_JOINED, is_joined

    return "" if is_joined(settings, host) else f"{NOT_JOINED}: {spelled('hosts add')} {host.name}"


def _none() -> str:
    return f"no other machines: {spelled('hosts add')} adds one"


def _connect(settings: Settings, name: str, address: str) -> str:
    from fleetscripts.services.hosts import registry
    from fleetscripts.services.links import adding

    if not sys.stdin.isatty():
        raise Refusal("expected a terminal to answer what ssh asks: call it yourself")
    host = adding.checked(settings, name, address) if address else registry.host_named(settings, name)
    adding.connect(settings, host)
    return f"{name}: connected"


def _give(settings: Settings, host: Host, account: str, agent: str) -> str:
    from fleetscripts.agents import DEFAULT_KIND, KINDS
    from fleetscripts.commands.accounts import read_token
    from fleetscripts.services.links.giving import give_token

    if not account:
        raise UsageProblem("expected give-account NAME ACCOUNT, and the token on standard input")
    if agent and agent not in KINDS:
        raise UsageProblem(f"--agent: expected one of {', '.join(KINDS)}, found {agent[:40]!r}")
    return give_token(settings, host, account, agent or DEFAULT_KIND, read_token())


def _check(settings: Settings, name: str, as_json: bool) -> int:
    from fleetscripts.errors import FleetError
    from fleetscripts.services.links import adding

    known = adding.host_or_all(settings, name)
    lines: list[str] = [] if known or as_json else [_none()]
    code = EXIT_DONE
    for host in known:
        try:
            said, whole = adding.check(settings, host)
            lines += said
            code = code if whole else EXIT_NO
        except FleetError as error:
            lines.append(str(error))
            code = EXIT_NO
    return _tell(lines, as_json, code)


def _link(settings: Settings, name: str) -> int:
    """A link's process; started by whoever needs it."""
    from fleetscripts.services.links.processes import hold_link

    hold_link(settings, name)
    return EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
