"""Acts on a test's result: records it, sends failures back to the agent, queues successes for evaluation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fleetscripts.adapters.records.store import Store
from fleetscripts.core.gates.gates import Outcome
from fleetscripts.core.pr_testing.prompt import full_context, short_line
from fleetscripts.core.pr_testing.queue import Entry, PrTestOutcome, Queue
from fleetscripts.core.pr_testing.results import Scenario, all_pass, findings
from fleetscripts.core.records.handles import with_work
from fleetscripts.core.records.sanitize import sanitize, shell_word
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, NotYet, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState
from fleetscripts.services.briefing.briefing import Rebrief, rebriefing
from fleetscripts.services.context import load_fleet
from fleetscripts.services.notify.notify import notify
from fleetscripts.services.pr_testing.queue import PrTestQueue, journal_of
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import open_pane_io
from fleetscripts.services.verification.verify import Question, record, verify
from fleetscripts.services.verification.work import touched_files

OVER = (AgentState.RECYCLED,)
LEAD = (
    "/pr-test, which the orchestrator ran, did not PASS in every scenario; PARTIAL counts as FAIL. It runs again from "
    "scratch after your next last line: do not run it yourself"
)


@dataclass(frozen=True, slots=True)
class Home:
    """An entry's fleet and agent; None if its record is gone."""

    question: Question | None
    fleet: Fleet
    store: Store


def home_of(queue: PrTestQueue, entry: Entry) -> Home:
    """The entry's own fleet, which need not be the caller's."""
    options = {"state_file": entry.state_file, "fleet_home": entry.fleet_home}
    settings, fleet = load_fleet(queue.environ, options | ({"tmux_socket": entry.tmux_socket or None}))
    agent = next((known for known in fleet.agents if entry.is_of(known)), None)
    question = None if agent is None else Question(agent, fleet, settings)
    return Home(question, fleet, Store(settings.state_file))


def agent_of(queue: PrTestQueue, entry: Entry) -> Agent | None:
    """The entry's agent; None if its record is gone or unreadable."""
    try:
        question = home_of(queue, entry).question
    except FleetError:
        return None
    return question.agent if question is not None else None


def prompt(queue: PrTestQueue, entry: Entry, *, full: bool = False) -> str:
    """The orchestrator's prompt: the short line, the full form if the last answer did not count."""
    if not full and not entry.ask_again:
        return short_line(entry.url)
    agent = agent_of(queue, entry)
    if agent is None:
        return full_context(entry.url, "", (), entry.verify)
    return full_context(entry.url, agent.objective, touched_files(agent) or (), entry.verify)


def finish(queue: PrTestQueue, entry: Entry, head: str, found: Sequence[Scenario]) -> str:
    """Record the verdicts, free the machine, and act on them; in words."""
    results = tuple(str(one) for one in found)
    outcome = PrTestOutcome(str(entry.key), entry.worktree_path, entry.spawned_at, head, time.time(), results)
    queue.change(lambda known: known.finished(outcome))
    said = "all pass" if all_pass(found) else "not all pass"
    journal_of(entry).write("test-ended", window=entry.window, why=said, pull=outcome.pull, results=results, head=head)
    return follow(queue, entry, outcome)


def follow(queue: PrTestQueue, entry: Entry, outcome: PrTestOutcome) -> str:
    """Act on a recorded outcome; NotYet if the agent cannot receive messages now."""
    home = home_of(queue, entry)
    question = home.question
    if question is None or question.agent.state in OVER:
        _settled(queue, outcome)
        return "kept; its agent is gone"
    if all_pass(outcome.scenarios):
        said = _to_evaluation(question, home.store, queue.environ, len(outcome.scenarios))
    else:
        said = _back_to_work(question, home.store, outcome)
    _settled(queue, outcome)
    return said


def _settled(queue: PrTestQueue, outcome: PrTestOutcome) -> None:
    def mark(known: Queue) -> Queue:
        told = [replace(one, told=True) if one == outcome else one for one in known.outcomes]
        return replace(known, outcomes=tuple(told))

    queue.change(mark)


def _back_to_work(question: Question, store: Store, outcome: PrTestOutcome) -> str:
    """Send the agent what failed, and set it back to work."""
    agent, settings = question.agent, question.settings
    text = rebriefing(agent, Rebrief((LEAD, *findings(outcome.scenarios))))
    try:
        pane_io = open_pane_io(settings, question.fleet)
        pane = agent.pane_on(pane_io.server)
        if pane is None:
            raise Refusal(f"it has no pane on this tmux server: {spelled('run-loop')} restores it first")
        receipt = deliver(pane_io, pane, text, queue=True, why="pr-test")
    except FleetError as error:
        raise NotYet(
            f"the results are kept, but {agent.window} was not told: {error}; "
            f"later, with no results: {spelled('test-queue')} done {shell_word(agent.handle)}"
        ) from error
    changes: dict[str, Any] = {
        "revision_count": agent.revision_count + 1,
        "last_rebriefed_at": time.time(),
        "attempts": {"restarts": 0, "nudges": 0},
    }
    _change(store, agent, **changes, state=AgentState.RUNNING)
    return f"{agent.window} was notified and is running again (proof: {receipt.proof})"


def _to_evaluation(question: Question, store: Store, environ: Mapping[str, str], count: int) -> str:
    """``pending_evaluation`` if the agent has reported DONE and every gate passes."""
    agent = question.agent
    if agent.state not in (AgentState.COMPLETE, AgentState.PENDING_EVALUATION):
        return f"all {count} scenarios pass; it is {agent.state}: evaluation follows its DONE and the gates"
    if agent.state is AgentState.COMPLETE:
        verdict = verify(question)
        record(store, agent, verdict, time.time())
        if verdict.outcome is not Outcome.VERIFIED:
            holding = "; ".join(f"{gate.name} {gate.status}: {gate.evidence}" for gate in verdict.holding_back())
            return f"all {count} scenarios pass; before evaluation there is still: {holding}"
        _change(store, agent, only_from=agent.state, state=AgentState.PENDING_EVALUATION)
    who = sanitize(with_work(agent))
    said = f"all {count} scenarios of /pr-test pass, it waits for evaluation"
    warnings = notify(f"{who}: {said}", question.settings, environ)
    return "; ".join([said, f"{spelled('evaluate')} {shell_word(agent.handle)}", *warnings])


def _change(store: Store, agent: Agent, only_from: AgentState | None = None, **fields: Any) -> None:
    """Fields of the record as it is; with ``only_from`` unless its state has changed."""

    def change(fleet: Fleet) -> Fleet:
        known = fleet.current(agent)
        if known is None or (only_from is not None and known.state is not only_from):
            return fleet
        return fleet.exchange(known, replace(known, **fields))

    store.update(change)
