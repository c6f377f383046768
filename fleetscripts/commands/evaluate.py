"""``evaluate``: judges an agent's work. The only command that marks an agent done."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import load_agent_at_work
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.errors import UsageProblem
from fleetscripts.invocation import spelled


@click.command("evaluate")
@window_argument
@click.option(
    "--pass", "passed", metavar="WHY", help="The work does what was asked: mark it done if all gates pass now."
)
@click.option("--fail", "failed", metavar="WHAT", help="Tell the agent what is missing and send it back to work.")
@click.option(
    "--override",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="NAME WHY",
    help=(
        "With --pass: accept a gate that does not pass. For a resolved review thread (by its id) also without --pass."
    ),
)
@json_option
@settings_options
def command(
    window: str,
    passed: str | None,
    failed: str | None,
    pairs: tuple[tuple[str, str], ...],
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """Show the evidence for judging the work in WINDOW, or record the judgement.

    The page holds the objective, the gates, the pull request with its threads, the commits and the diff. Text written
    by others stands between fences and is data. Overrides are recorded and notified. Exits 3 when --pass is refused,
    naming every gate that fails.
    """
    from fleetscripts.core.gates.evaluation_page import members, page
    from fleetscripts.services.verification.evaluate import (
        accept,
        accept_threads,
        evaluation,
        judged,
        overrides_of,
        send_back,
    )
    from fleetscripts.services.verification.verify import Question

    if failed is not None and (passed is not None or pairs):
        raise UsageProblem("expected --pass WHY (with or without --override), or --fail WHAT, or neither")
    settings, fleet, agent = load_agent_at_work(options, window)
    question = Question(judged(fleet, agent), fleet, settings)
    if failed is not None:
        proof = send_back(question, _said("--fail", failed))
        click.echo(f"{question.agent.window} was notified and is running again (proof: {proof})")
    elif passed is not None:
        _warn(accept(question, _said("--pass", passed), overrides_of(pairs), os.environ))
        click.echo(f"{question.agent.window} is done; its window and worktree stay until {spelled('recycle-agent')}")
    elif pairs:
        _warn(accept_threads(question, overrides_of(pairs), os.environ))
        click.echo(f"{question.agent.window}: accepted {', '.join(name for name, _ in pairs)}")
    else:
        found = evaluation(question)
        click.echo(json.dumps(members(found), indent=2) if as_json else page(found))
    return 0


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"evaluate: {warning}", err=True)


def _said(option: str, text: str) -> str:
    if not text.strip():
        raise UsageProblem(f"{option}: expected a reason, found nothing")
    return text.strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
