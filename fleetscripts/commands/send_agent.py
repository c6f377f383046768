"""send-agent WINDOW TEXT|--file F|-: a text to an agent, reported as sent only with proof that it was submitted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fleetscripts.adapters.store import StateMissing
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options, window_argument
from fleetscripts.errors import UsageProblem
from fleetscripts.services.context import load_fleet, load_settings_here
from fleetscripts.services.deliver import deliver
from fleetscripts.services.desk import open_desk, pane_named

LARGEST_BYTES = 1_000_000


@click.command("send-agent")
@window_argument
@click.argument("text", required=False)
@click.option("--file", "file", type=Path, metavar="FILE", help="Read the text from FILE; - is standard input.")
@click.option("--queue", is_flag=True, help="Also while a turn is in progress: the client keeps it for afterwards.")
@click.option("--keep-draft", is_flag=True, help="Take somebody's draft out of the input box and put it back after.")
@settings_options
def command(
    window: str,
    text: str | None,
    file: Path | None,
    queue: bool,
    keep_draft: bool,
    options: dict[str, object],
) -> int:
    """Send TEXT (- for standard input) to the agent in WINDOW.

    Exits 0 only with proof that the client took it; 3 when it must not be typed now (a shell, a busy turn, a dialog,
    somebody's draft), with the reason; 1 when it failed, with what is on the screen.
    """
    try:
        settings, fleet = load_fleet(os.environ, options)
    except StateMissing:
        settings, fleet = load_settings_here(os.environ, options), None
    message = _text(text, file)
    desk = open_desk(settings, fleet)
    facts = pane_named(desk, fleet, window)
    receipt = deliver(desk, facts.pane_id, message, queue=queue, keep_draft=keep_draft, why="send-agent")
    print(f"{receipt.window} has it (message {receipt.message_id}, proof: {receipt.proof})")
    if receipt.note:
        print(f"send-agent: {receipt.note}", file=sys.stderr)
    return 0


def _text(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise UsageProblem("expected one text: TEXT, --file FILE, or - for standard input")
    source = str(file) if file is not None else "-"
    if text is not None and text != "-":
        return text
    try:
        content = sys.stdin.buffer.read(LARGEST_BYTES + 1) if source == "-" else _head(Path(source))
    except OSError as error:
        raise UsageProblem(f"cannot read {source}: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise UsageProblem(f"expected at most {LARGEST_BYTES:,} bytes of text in {source}, found more")
    return content.decode("utf-8", "replace")


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST_BYTES + 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(command, argv)
