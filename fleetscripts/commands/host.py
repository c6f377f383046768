"""``host``: this machine's end of a link from the machine that supervises the fleets of several."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import Whole
from fleetscripts.errors import EXIT_DONE, UsageProblem

MOST_BYTES = 1 << 20


@click.command("host")
@click.option("--stdio", is_flag=True, help="Serve a link on standard input and output.")
@click.option("--nonce", metavar="WORD", default="none", help="End of the first line.")
@click.option("--epoch", metavar="N", type=Whole(1), default=1, help="Number of the caller's link.")
@click.option("--take", is_flag=True, help="Store the message of the central on standard input.")
@click.option("--hand-notices", is_flag=True, help="Print the notifications that wait for the central, as JSON.")
@click.option("--told", metavar="ID", multiple=True, help="--hand-notices: remove this one, which was sent; repeat.")
@click.option("--leave", is_flag=True, help="Leave the central: read GitHub and notify people from here.")
def command(
    stdio: bool, nonce: str, epoch: int, take: bool, hand_notices: bool, told: tuple[str, ...], leave: bool
) -> int:
    """Report this machine's agents as they change, and run calls, for the machine at the other end of an ssh channel.

    That machine is this one's central: it reads GitHub, counts spending and notifies people for both. Started there
    by hosts and run-loop; --stdio ends with the channel, and leaves no process behind. The only option for manual use
    is --leave, after the central is gone.
    """
    if sum((stdio, take, hand_notices, leave)) != 1:
        raise UsageProblem("expected --stdio: other machines start this, see hosts --help")
    if stdio:
        return _serve(nonce, epoch)
    from fleetscripts.core.hosts.ages import entries_from_ages
    from fleetscripts.services.accounts.figures_shared import learn_figure
    from fleetscripts.services.central.central import central_name, leave_central, require_central, tell_again
    from fleetscripts.services.central.outbox import hand_notices as handed
    from fleetscripts.services.central.outbox import notices_told
    from fleetscripts.services.central.taking import named_in, take_in
    from fleetscripts.services.context import load_settings_here

    settings = load_settings_here(os.environ)
    if take:
        figures = take_in(settings, sys.stdin.buffer.read(MOST_BYTES))
        for one in entries_from_ages(figures, time.time()):
            learn_figure(settings, one, "the central")
        if figures:
            tell_again(settings)
    elif leave:
        central = central_name(settings)
        if content := b"" if sys.stdin.isatty() else sys.stdin.buffer.read(MOST_BYTES):
            require_central(settings, named_in(content))  # a central that has lost this machine to another
        leave_central(settings)
        click.echo(f"{central} is no longer this machine's central" if central else "this machine has no central")
    elif told:
        notices_told(settings, told)
    else:
        click.echo(json.dumps(handed(settings)))
    return EXIT_DONE


def _serve(nonce: str, epoch: int) -> int:
    from fleetscripts.services.links.serving import ChannelServer

    if not nonce.isalnum():
        raise UsageProblem("--nonce: expected letters and digits")
    ChannelServer(os.environ, nonce, epoch).run()
    return EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
