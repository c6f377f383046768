"""``integrate``: trial-merges and checks the finished branches together; no branch is changed."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.options import json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import Refusal, UsageProblem

if TYPE_CHECKING:
    from fleetscripts.config import Settings
    from fleetscripts.fleet import Agent, Fleet
    from fleetscripts.services.integration.integrate import Integration


@click.command("integrate")
@click.argument("windows", nargs=-1, metavar="[WINDOW...]")
@click.option("--done", is_flag=True, help="Every agent whose work is done, or waits for evaluation.")
@click.option("--verify-command", metavar="COMMAND", help="Run this on the merged result (default: verify_command).")
@click.option("--dry-run", is_flag=True, help="Only report what does not fit: no agent is sent back to work.")
@json_option
@settings_options
def command(
    windows: tuple[str, ...],
    done: bool,
    verify_command: str | None,
    dry_run: bool,
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """Trial-merge finished branches onto the fetched base, and run the verify command on the result.

    A branch that conflicts, or with which the command first fails, is sent back to its agent: of branches that do not
    fit together the one that conflicts with more others, then the smaller change, then the later one. Uses a spare
    worktree and restores it. No branch is changed and nothing is pushed: merging is left to you. Exits 3 when not all
    fit.
    """
    from fleetscripts.services.context import load_fleet
    from fleetscripts.services.integration.integrate import IntegrationRun

    settings, fleet = load_fleet(os.environ, options)
    agents = _meant(settings, fleet, windows, done)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    checked = settings.verify_command if verify_command is None else verify_command.strip()
    found, gone = IntegrationRun(settings, fleet, os.environ, checked, tell=not dry_run).of(agents)
    if as_json:
        print_json(members(found, gone))
    else:
        click.echo("\n".join(lines(found, gone, checked)))
    return 0 if not gone and all(one.fits for one in found) else 3


def _meant(settings: Settings, fleet: Fleet, windows: Sequence[str], done: bool) -> list[Agent]:
    from fleetscripts.models import AgentState
    from fleetscripts.services.observe.agent_meant import agent_named

    if bool(windows) == done:
        raise UsageProblem("expected WINDOW…, or --done for all that are finished")
    if windows:
        named = [agent_named(settings, fleet, target) for target in dict.fromkeys(windows)]
        return list({agent.key: agent for agent in named}.values())
    states = (AgentState.DONE, AgentState.PENDING_EVALUATION)
    agents = [agent for agent in fleet.agents if agent.state in states]
    if not agents:
        raise Refusal("no agent is done or waits for evaluation: name the WINDOWs to try together")
    return agents


def lines(found: Sequence[Integration], gone: Sequence[Agent], command: str) -> list[str]:
    """What fits, what was sent back, what was left out."""
    from fleetscripts.core.records.sanitize import sanitize

    said = []
    for one in found:
        said.append(f"onto {one.base.origin} ({one.base.commit[:12]})")
        said += [f"  merges cleanly: {agent.branch} ({agent.handle})" for agent in one.merged]
        said += [f"  sent back: {_sent(back.agent, back.why, back.told)}" for back in one.sent_back]
        said += [f"  left out: {_sent(left.branch.agent, left.why, '')}" for left in one.left_out]
        said.append(f"  {one.check or 'nothing was run on it'}")
        said += [f"  note: {note}" for note in one.notes]
    said += [f"left out: {_sent(agent, 'its branch or its worktree is gone', '')}" for agent in gone]
    if not command:
        said.append("no verify_command is set: --verify-command COMMAND runs one on the union")
    indented = ((len(line) - len(line.lstrip()), sanitize(line)) for line in said)
    return [f"{' ' * depth}{line}" for depth, line in indented]


def _sent(agent: Agent, why: str, told: str) -> str:
    return f"{agent.branch} ({agent.handle}): {why}" + (f"; {told}" if told else "")


def members(found: Sequence[Integration], gone: Sequence[Agent]) -> dict[str, object]:
    """The object that ``--json`` prints."""
    return {
        "repositories": [
            {
                "base": one.base.commit,
                "base_origin": one.base.origin,
                "commit": one.commit,
                "merged": [agent.branch for agent in one.merged],
                "sent_back": [
                    {"branch": back.agent.branch, "worktree": back.agent.worktree, "why": back.why, "told": back.told}
                    for back in one.sent_back
                ],
                "left_out": [{"branch": left.branch.agent.branch, "why": left.why} for left in one.left_out],
                "check": one.check,
                "notes": list(one.notes),
            }
            for one in found
        ],
        "gone": [agent.branch for agent in gone],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
