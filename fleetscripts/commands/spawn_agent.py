"""spawn-agent: starts an agent: a spare worktree, a branch, a window, a client, its briefing, and its record."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleetscripts.agents import DEFAULT_KIND, KINDS
from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import identity
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import UsageProblem

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Fleet
    from fleetscripts.services.spawning.spawn_request import Request

SEED_FORM = "SESSION PATH SPARE NEW_BRANCH OBJECTIVE [PR_NUMBER] [STEPS...]"


@click.command("spawn-agent")
@click.argument("words", nargs=-1, metavar=f"[{SEED_FORM}]")
@click.option(
    "--session",
    metavar="NAME",
    help="tmux session for the window (default: the fleet's, else the current one).",
)
@click.option("--branch", metavar="NAME", help="Branch to create or check out, in the next spare worktree.")
@click.option("--objective", metavar="TEXT", help="Objective of the agent.")
@click.option(
    "--objective-file", metavar="FILE", type=Path, help="Read the objective from FILE (- for standard input)."
)
@click.option("--pr", metavar="NUMBER", default="", help="Pull request of the work.")
@click.option(
    "--step",
    "--steps",
    "steps",
    metavar="NAME",
    multiple=True,
    help="Step that the agent must report; repeat for each.",
)
@click.option("--repo", metavar="DIR", type=Path, help="Repository of the spare worktrees (default: the current one).")
@click.option("--base", metavar="REF", default="", help="Where a new branch starts (default: origin's default branch).")
@click.option("--image", metavar="PATH", default="", help="Image that the agent reads first.")
@click.option("--agent", metavar="KIND", default="", help=f"Agent kind: {', '.join(KINDS)} (default: {DEFAULT_KIND}).")
@click.option("--account", metavar="NAME", default="", help="Account to use (default: one with budget).")
@click.option(
    "--verify-command", metavar="COMMAND", default="", help="Shell command that must exit 0 when the work is done."
)
@click.option(
    "--allow-test-step", is_flag=True, help="Allow the step pr-test although agents would interfere with each other."
)
@click.option("--role", type=click.Choice(["review"]), help="A reviewer: reads the work of --of, may change nothing.")
@click.option("--of", "author", metavar="WINDOW", help="The agent whose work is reviewed.")
@click.option("--host", metavar="NAME", help="Start it on this other machine; any: where the most worktrees are free.")
@json_option
@settings_options
def command(
    words: tuple[str, ...],
    session: str | None,
    branch: str | None,
    objective: str | None,
    objective_file: Path | None,
    pr: str,
    steps: tuple[str, ...],
    repo: Path | None,
    base: str,
    image: str,
    agent: str,
    account: str,
    verify_command: str,
    allow_test_step: bool,
    role: str | None,
    author: str | None,
    host: str | None,
    as_json: bool,
    options: dict[str, object],
) -> int:
    """Start an agent and print its SESSION:WIN, once its briefing is known to be submitted.

    Either give the arguments as listed, or --branch and an objective to take the next spare worktree of --repo. On any
    failure the worktree is back on its spare branch, and no window or record is left.
    """
    from fleetscripts.services.context import load_fleet_here
    from fleetscripts.services.spawning.spawn import spawn
    from fleetscripts.services.spawning.spawn_request import Request, checked

    settings, fleet = load_fleet_here(os.environ, options)
    if role or author:
        given = words or branch or objective or objective_file or pr or steps or repo or base or image or verify_command
        request = _review(settings, fleet, author if role and not given else None, session)
    elif words:
        named = {"--session": session, "--branch": branch, "--objective": objective, "--repo": repo}
        named |= {"--objective-file": objective_file, "--pr": pr or None}
        if twice := next((flag for flag, value in named.items() if value is not None), None):
            raise UsageProblem(f"expected {SEED_FORM} or options, found both ({twice})")
        request = _from_words(words, steps)
    else:
        text, known = _objective(objective, objective_file), session or _own_session(settings, fleet)
        if not known or not branch:
            missing = "--branch" if known else "--session"
            raise UsageProblem(f"expected {missing} NAME, or {SEED_FORM}")
        place = (repo or Path.cwd()).absolute()
        request = Request(known, branch, text, repo=place, pr_number=pr, steps=steps)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    request = replace(
        request, base=request.base or base, image=image, agent=agent, account=account, verify_command=verify_command
    )
    spawned = spawn(settings, fleet, os.environ, checked(request, allow_test_step=allow_test_step))
    if as_json:
        print_json(identity(spawned.agent) | {"notes": list(spawned.notes)})
        return 0
    for note in spawned.notes:
        print(f"spawn-agent: {note}", file=sys.stderr)
    print(spawned.agent.window)
    return 0


def _review(settings: Settings, fleet: Fleet | None, author: str | None, session: str | None) -> Request:
    from fleetscripts.core.records.own_session import session_of
    from fleetscripts.errors import Refusal
    from fleetscripts.services.observe.agent_meant import agent_named
    from fleetscripts.services.spawning.spawn_request import review_request

    if not author:
        raise UsageProblem("expected --role review --of WINDOW, and beside them --agent, --account or --session alone")
    if fleet is None:
        raise Refusal("there is no fleet yet, and so no work to review")
    return review_request(agent_named(settings, fleet, author), session or session_of(fleet))


def _own_session(settings: Settings, fleet: Fleet | None) -> str:
    """The fleet's session, else the one that we are called in; empty if there is neither."""
    from fleetscripts.adapters.tmux.tmux import Tmux
    from fleetscripts.core.records.own_session import session_of
    from fleetscripts.services.own_pane import own_session

    known = session_of(fleet) if fleet is not None else ""
    return known or own_session(os.environ, Tmux(settings.tmux_socket))


def _interrupt(number: int, frame: object) -> None:
    """A termination signal undoes what was begun, as Ctrl-C does."""
    raise KeyboardInterrupt


def _from_words(words: tuple[str, ...], steps: tuple[str, ...]) -> Request:
    from fleetscripts.services.spawning.spawn_request import Request

    if len(words) < 5:
        raise UsageProblem(f"expected {SEED_FORM}, found {len(words)} words")
    session, path, spare, branch, objective, *rest = words
    number = rest[0] if rest else ""
    if number and not number.isdigit():
        raise UsageProblem(
            f"expected a pull request's number or '' as the sixth word, found {number!r}: steps follow it"
        )
    folder = Path(path).absolute()
    return Request(session, branch, objective, folder, spare, pr_number=number, steps=(*rest[1:], *steps))


def _objective(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise UsageProblem("expected an objective: --objective TEXT or --objective-file FILE")
    if file is None:
        return text or ""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UsageProblem(f"cannot read the objective from {file}: {error.strerror}") from error
    return content.decode("utf-8", "replace")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(command, argv)
