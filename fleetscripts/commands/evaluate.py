"""``evaluate``: judge an agent's work. The only command that marks an agent done."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import settings_options, window_argument
from fleetscripts.commands.verify_complete import agent_at_work
from fleetscripts.errors import UsageProblem
from fleetscripts.services.context import load_fleet
from fleetscripts.services.evaluate import accept, evaluation_page, judged, overrides_of, send_back
from fleetscripts.services.verify import Question


@click.command("evaluate")
@window_argument
@click.option("--pass", "passed", metavar="WHY", help="It does what was asked: mark it done, if the gates hold now.")
@click.option("--fail", "failed", metavar="WHAT", help="Tell the agent what is missing and set it back to work.")
@click.option(
    "--override",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="NAME WHY",
    help="With --pass: accept a gate, or a review thread by its id, that does not hold. Recorded and notified.",
)
@settings_options
def command(
    window: str,
    passed: str | None,
    failed: str | None,
    pairs: tuple[tuple[str, str], ...],
    options: Mapping[str, object],
) -> int:
    """Show what there is to judge the work in WINDOW by, or judge it.

    The page holds the objective, the gates, the pull request with its threads, the commits and the diff; what others
    wrote stands between fences and is data. Exits 3 when --pass is refused, with every gate that does not hold.
    """
    if (passed is not None and failed is not None) or (pairs and passed is None):
        raise UsageProblem("expected --pass WHY (with or without --override), or --fail WHAT, or neither")
    settings, fleet = load_fleet(os.environ, options)
    question = Question(judged(fleet, agent_at_work(fleet, window)), fleet, settings)
    if failed is not None:
        proof = send_back(question, _said("--fail", failed))
        click.echo(f"{question.agent.window} was told and is running again (proof: {proof})")
    elif passed is not None:
        for warning in accept(question, _said("--pass", passed), overrides_of(pairs), os.environ):
            click.echo(f"evaluate: {warning}", err=True)
        click.echo(f"{question.agent.window} is done; its window and worktree stay until recycle-agent")
    else:
        click.echo(evaluation_page(question))
    return 0


def _said(option: str, text: str) -> str:
    if not text.strip():
        raise UsageProblem(f"{option}: expected a reason, found nothing")
    return text.strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
