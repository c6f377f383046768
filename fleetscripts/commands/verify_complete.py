"""``verify-complete``: whether an agent's work passes all completion gates."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from fleetscripts.commands.entry import run
from fleetscripts.commands.named_agent import load_agent_at_work
from fleetscripts.commands.options import json_option, settings_options, window_argument
from fleetscripts.errors import FleetError

if TYPE_CHECKING:
    from fleetscripts.core.gates.gates import GateVerdict
    from fleetscripts.fleet import Agent


@click.command("verify-complete")
@window_argument
@json_option
@settings_options
def command(window: str, as_json: bool, options: Mapping[str, object]) -> int:
    """Check every gate of the agent in WINDOW and print each with its evidence.

    Its checkpoints are read from its conversation now. When every gate passes and the agent has reported DONE, it is
    queued for evaluation, as after the loop's own check.

    Exit code 0: verified. 3: not complete. 8: pending, ask again later. 1: something could not be measured.
    """
    from fleetscripts.adapters.records.store import Store
    from fleetscripts.core.gates.gates import Outcome
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.actions.verify_done import waits_for_evaluation
    from fleetscripts.services.observe.fresh_record import fresh_record
    from fleetscripts.services.verification.verify import Question, record, verify

    settings, fleet, agent = load_agent_at_work(options, window)
    fleet, agent = fresh_record(settings, fleet, agent, time.time())
    verdict = verify(Question(agent, fleet, settings))
    click.echo(json.dumps(members(agent, verdict), indent=2) if as_json else text(verdict))
    store = Store(settings.state_file)
    try:
        record(store, agent, verdict, time.time())
        if verdict.outcome is Outcome.VERIFIED and waits_for_evaluation(store, agent) is not None:
            click.echo(f"verify-complete: {sanitize(agent.handle)} waits for evaluation now", err=True)
    except FleetError as error:
        click.echo(f"verify-complete: the verdict is valid but was not recorded: {error}", err=True)
    return verdict.exit_code


def text(verdict: GateVerdict) -> str:
    """A line for each gate, then the outcome."""
    lines = [f"{gate.status:7} {gate.name}: {gate.evidence}" for gate in verdict.gates]
    return "\n".join([*lines, verdict.outcome.replace("_", " ")])


def members(agent: Agent, verdict: GateVerdict) -> dict[str, object]:
    """The object that ``--json`` prints."""
    listed = [{"name": gate.name, "status": gate.status, "evidence": gate.evidence} for gate in verdict.gates]
    return {"window": agent.window, "branch": agent.branch, "outcome": verdict.outcome, "gates": listed}


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
