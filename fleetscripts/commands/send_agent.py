"""send-agent WINDOW TEXT|--file F|-|--task OBJECTIVE: sends a text, or a new task, with proof of delivery."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import identity
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.commands.output import print_json
from fleetscripts.commands.text_source import text_of
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.invocation import spelled

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.spawning.spawn_request import Request
    from fleetscripts.services.typing.pane_io import PaneIO
    from fleetscripts.services.typing.receipt import Receipt


@click.command("send-agent")
@window_argument
@click.argument("text", required=False)
@click.option("--file", "file", type=Path, metavar="FILE", help="Read the text from FILE (- for standard input).")
@click.option("--queue", is_flag=True, help="Send even while a turn is running: the client queues it.")
@click.option("--keep-draft", is_flag=True, help="Remove an unsent draft from the input box and restore it afterwards.")
@click.option("--task", "objective", metavar="OBJECTIVE", help="New objective for the agent, in the same session.")
@click.option("--task-file", metavar="FILE", type=Path, help="Read the new objective from FILE (- for standard input).")
@click.option("--pr", metavar="NUMBER", default="", help="With a task: its pull request.")
@click.option(
    "--step", "--steps", "steps", metavar="NAME", multiple=True, help="With a task: a step that the agent must report."
)
@click.option("--branch", metavar="NAME", default="", help="With a task: branch to check out first.")
@click.option("--base", metavar="REF", default="", help="With --branch: where a new branch starts.")
@click.option("--image", metavar="PATH", default="", help="With a task: image that the agent reads first.")
@json_option
@settings_options
def command(
    window: str,
    text: str | None,
    file: Path | None,
    queue: bool,
    keep_draft: bool,
    objective: str | None,
    task_file: Path | None,
    pr: str,
    steps: tuple[str, ...],
    branch: str,
    base: str,
    image: str,
    as_json: bool,
    options: dict[str, object],
) -> int:
    """Send TEXT (- for standard input) to the agent in WINDOW, or with --task a new objective.

    A new task replaces the old one in the record, with its pull request and steps; checkpoints and counters start
    afresh. A refusal or failure changes nothing.

    Exits 0 only with proof that the client received it; 3 when typing is not safe now (a shell, a running turn, a
    dialog, an unsent draft), with the reason; 1 on failure, with the screen's content.
    """
    from fleetscripts.core.records.message import left_out
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.spawning.spawn_request import Request, checked
    from fleetscripts.services.typing.deliver import deliver
    from fleetscripts.services.typing.pane_io import open_pane_io, pane_named

    settings, fleet = load_fleet_here(os.environ, options)
    if objective is not None or task_file is not None:
        if text is not None or file is not None or queue or keep_draft:
            raise UsageProblem("expected a text or a new task (--task, --task-file), found both")
        wanted = Request("", branch, text_of(objective, task_file), pr_number=pr, steps=steps, base=base, image=image)
        return _give(settings, fleet, window, checked(wanted), as_json)
    if pr or steps or branch or base or image:
        raise UsageProblem("--pr, --step, --branch, --base and --image belong to a new task: give --task OBJECTIVE")
    message = text_of(text, file)
    pane_io = open_pane_io(settings, fleet)
    facts = pane_named(pane_io, fleet, window)
    receipt = deliver(pane_io, facts.pane_id, message, queue=queue, keep_draft=keep_draft, why="send-agent")
    _release(settings, pane_io, fleet, facts.pane_id)
    dropped = left_out(message)
    said = (receipt.note, f"{dropped} control characters were left out of the text" if dropped else "")
    notes = [note for note in said if note]
    if as_json:
        print_json({"window": receipt.window} | _receipt(receipt, notes))
        return 0
    print(f"{receipt.window} has it (message {receipt.message_id}, proof: {receipt.proof})")
    for note in notes:
        print(f"send-agent: {note}", file=sys.stderr)
    return 0


def _receipt(receipt: Receipt, notes: Sequence[str]) -> dict[str, Any]:
    return {"message_id": receipt.message_id, "proof": receipt.proof, "notes": list(notes)}


def _release(settings: Settings, pane_io: PaneIO, fleet: Fleet | None, pane_id: str) -> None:
    """An agent that a person stopped is monitored again after a message."""
    from fleetscripts.adapters.records.store import Store
    from fleetscripts.services.observe.agent_pane import agent_at

    agent = agent_at(fleet, pane_id, pane_io.server)
    if agent is not None and agent.hold.reason:
        Store(settings.state_file).update(lambda current: current.change(agent, hold={"reason": "", "since": 0}))


def _give(settings: Settings, fleet: Fleet | None, window: str, request: Request, as_json: bool) -> int:
    from fleetscripts.services.observe.agent_meant import agent_meant
    from fleetscripts.services.spawning.follow_on import give_task
    from fleetscripts.services.typing.pane_io import open_pane_io

    agent = agent_meant(settings, fleet, window) if fleet is not None else None
    if fleet is None or agent is None:
        raise FleetError(f"no agent {window!r} in {settings.state_file}: {spelled('adopt-agent')} makes it one")
    given = give_task(open_pane_io(settings, fleet), settings, os.environ, fleet, agent, request)
    if as_json:
        print_json(identity(given.agent) | _receipt(given.receipt, given.notes))
        return 0
    print(f"{given.agent.window} has its new task (message {given.receipt.message_id}, proof: {given.receipt.proof})")
    for note in given.notes:
        print(f"send-agent: {note}", file=sys.stderr)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(command, argv)
