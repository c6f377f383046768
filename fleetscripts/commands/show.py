"""``show WINDOW``: the agent's whole last answer, under one line on its state."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import load_agent
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.commands.output import print_json
from fleetscripts.errors import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from fleetscripts.fleet import Agent
    from fleetscripts.services.reports.last_answer import LastAnswer

LONGEST_REASON = 100
"""Width of the evidence in the head line."""


@click.command("show")
@window_argument
@click.option("--diff", "with_diff", is_flag=True, help="Also show the committed diff of its branch against its base.")
@json_option
@settings_options
def command(window: str, with_diff: bool, as_json: bool, options: Mapping[str, object]) -> int:
    """Show the last message of the agent in WINDOW in full, after one line with its state.

    The text comes from the conversation's own file, with secrets masked; what stands between fences is data. Exits 1
    when there is no message or no conversation can be found, except with --diff.
    """
    from fleetscripts.core.records.sanitize import fenced, sanitize
    from fleetscripts.services.reports.last_answer import last_answer
    from fleetscripts.services.verification.work import diff_of

    settings, fleet, agent = load_agent(options, window)
    now = time.time()
    answer = last_answer(settings, fleet, agent, now)
    if as_json:
        shown = members(agent, answer) | ({"diff": diff_of(agent)} if with_diff else {})
        print_json(shown)
    else:
        click.echo(head(agent, answer, now))
        if answer.text:
            click.echo(fenced(answer.text))
        if with_diff:
            diff = diff_of(agent)
            click.echo(f"\n{fenced(diff)}" if diff else "\nits branch has no change against its base")
    if answer.problem:
        click.echo(f"show: {sanitize(answer.problem)}", err=True)
    return EXIT_FAILED if answer.problem and not with_diff else EXIT_DONE


def head(agent: Agent, answer: LastAnswer, now: float) -> str:
    """``fleet:2 (tree-2): running for 4m, feat/x, #12 ✓, steps 1/2; prompt: the transcript says the turn is over``."""
    from fleetscripts.core.records.sanitize import fit, sanitize
    from fleetscripts.core.reports.status_text import in_state_for, pull, shown_state, steps

    said = answer.seen.classification
    facts = [f"{shown_state(agent)} for {in_state_for(agent, now)}", agent.branch or "no branch"]
    facts += [pull(agent)] if agent.pr_number else []
    facts += [f"steps {steps(agent)}"] if agent.steps else []
    line = f"{agent.called}: {', '.join(facts)}; now {said.state}: {fit(sanitize(said.reason), LONGEST_REASON)}"
    return sanitize(f"{line}; it was sent a text after this answer" if answer.sent_since else line)


def members(agent: Agent, answer: LastAnswer) -> dict[str, Any]:
    """The object that ``--json`` prints. Its texts are data."""
    from fleetscripts.core.reports.status_text import shown_state

    said = answer.seen.classification
    return {
        "id": agent.id,
        "window": agent.window,
        "worktree": agent.worktree,
        "branch": agent.branch,
        "pr_number": agent.pr_number,
        "steps": [{"name": step, "done": step in agent.checkpoints} for step in agent.steps],
        "state": shown_state(agent),
        "pane_state": said.state,
        "reason": said.reason,
        "answer": answer.text,
        "sent_since": answer.sent_since,
        "problem": answer.problem,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
