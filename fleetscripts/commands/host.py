"""``host --stdio``: this machine's end of a link to another one, where somebody supervises the fleets of several."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.errors import UsageProblem


@click.command("host")
@click.option("--stdio", is_flag=True, help="Talk on standard input and output.")
@click.option("--nonce", metavar="WORD", default="none", help="What the first line ends with.")
@click.option("--epoch", metavar="N", type=click.IntRange(1), default=1, help="Which of its links the caller counts.")
def command(stdio: bool, nonce: str, epoch: int) -> int:
    """Tell of this machine's agents as they change, and run calls, for the machine at the other end of an ssh channel.

    Started by hosts and run-loop there; ends with the channel, and starts nothing that stays.
    """
    from fleetscripts.services.links.serving import Serving

    if not stdio:
        raise UsageProblem("expected --stdio: other machines start this, see hosts --help")
    if not nonce.isalnum():
        raise UsageProblem("--nonce: expected letters and digits")
    Serving(os.environ, nonce, epoch).run()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
