"""``cl``: starts a client on an account that has budget, and becomes that client."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.agents import DEFAULT_KIND, KINDS
from fleetscripts.commands.entry import run

if TYPE_CHECKING:
    from fleetscripts.services.clients.launch_line import LaunchLine

FLAGS = frozenset({"--dry-run", "--help", "-h"})
VALUES = frozenset({"--account", "--agent", "--fleet-home"})


@click.command("cl", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--account", metavar="NAME", default="", help="Use this account, whatever its budget.")
@click.option(
    "--agent", metavar="KIND", default=DEFAULT_KIND, show_default=True, help=f"Client to start: {', '.join(KINDS)}."
)
@click.option("--dry-run", is_flag=True, help="Print what would be started, on which account and why; start nothing.")
@click.option(
    "--fleet-home", metavar="DIR", type=Path, help="Folder for accounts, usage ledger and configuration (FLEET_HOME)."
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--] [CLIENT ARGUMENTS...]")
def command(account: str, agent: str, dry_run: bool, fleet_home: Path | None, words: tuple[str, ...]) -> int:
    """Start a client on an account with budget left, passing CLIENT ARGUMENTS through unchanged.

    Options of cl come first; everything from the first other word on belongs to the client (after --, even --help). A
    resumed conversation (cl --resume SESSION_ID) stays on its account as long as that has budget.
    """
    from fleetscripts.services.clients.launch_line import LaunchRequest, launch_line
    from fleetscripts.services.context import load_settings_here

    options = {} if fleet_home is None else {"fleet_home": fleet_home}
    settings = load_settings_here(os.environ, options)
    line = launch_line(settings, os.environ, LaunchRequest(tuple(words), account, agent, Path.cwd(), dry_run))
    for note in line.notes:
        print(f"cl: {note}", file=sys.stderr)
    if dry_run:
        for text in line.said():
            print(text)
        return 0
    return _become(line)


def _become(line: LaunchLine) -> int:
    """Replace this process by the client, so that it owns the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(line.argv[0], line.argv, line.environment_with_token())


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own options, which come first, and the client's arguments."""
    own: list[str] = []
    left = list(arguments)
    while left:
        name = left[0].partition("=")[0]
        if left[0] == "--":
            return own, left[1:]
        if name not in FLAGS | VALUES:
            break
        own.append(left.pop(0))
        if name in VALUES and "=" not in own[-1] and left:
            own.append(left.pop(0))
    return own, left


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    own, words = split(sys.argv[1:] if argv is None else argv)
    return run(command, [*own, "--", *words] if words else own)
