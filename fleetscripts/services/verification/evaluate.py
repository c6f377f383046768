"""Evaluates finished work: the evidence page, and the only way for an agent to become ``done``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.core.gates.evaluation_page import Evaluation
from fleetscripts.core.gates.gate_table import is_gate
from fleetscripts.core.records.handles import with_work
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, NotYet, Refusal, UsageProblem
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState
from fleetscripts.services.briefing.briefing import Rebrief, rebriefing
from fleetscripts.services.notify.notify import notify
from fleetscripts.services.pulls.pull_reading import github
from fleetscripts.services.pulls.verify_github import accepted_threads
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import open_pane_io
from fleetscripts.services.verification.verify import Finding, Question, look_into, record
from fleetscripts.services.verification.work import work_of


@dataclass(frozen=True, slots=True)
class Override:
    """A gate, or a review thread by its id, that somebody accepts although it does not pass."""

    name: str
    why: str


def evaluation(question: Question) -> Evaluation:
    """All evidence, with every gate measured anew."""
    finding = look_into(question)
    record(Store(question.settings.state_file), question.agent, finding.verdict, time.time())
    pull = finding.pull.pull
    found = Evaluation(question.agent, finding.verdict, work_of(question.agent, pull), pull)
    if pull is None or not pull.checks:
        return found
    try:
        return replace(found, attempts=github(question.settings).attempts(pull.key))
    except FleetError as problem:
        return replace(found, attempts_problem=str(problem))


def accept(question: Question, why: str, overrides: Sequence[Override], environ: Mapping[str, str]) -> list[str]:
    """Mark the agent done, if the gates pass at this moment except for overridden ones; returns the notification's
    warnings. Raises Refusal with every gate that does not pass."""
    agent = _with_accepted(question.agent, overrides)
    finding = look_into(replace(question, agent=agent))
    _check_threads(overrides, finding)
    named = {over.name for over in overrides}
    standing = [gate for gate in finding.verdict.holding_back() if gate.name not in named]
    store = Store(question.settings.state_file)
    record(store, question.agent, finding.verdict, time.time())
    if standing or not finding.verdict.gates:
        findings = "; ".join(f"{gate.name} {gate.status}: {gate.evidence}" for gate in standing)
        raise Refusal(f"{agent.called} is not complete: {findings}")
    _write_overrides(question, overrides, finding)
    accepted = {"accepted_threads": agent.task.accepted_threads}
    store.update(lambda fleet: fleet.change(question.agent, state=AgentState.DONE, task=accepted))
    _journal(question, "evaluated", why, outcome="done")
    return notify(sanitize(f"{with_work(agent)} is done: {why}{_named(overrides)}"), question.settings, environ)


def accept_threads(question: Question, overrides: Sequence[Override], environ: Mapping[str, str]) -> list[str]:
    """Accept the resolution of these threads permanently; returns the notification's warnings."""
    gate = next((over.name for over in overrides if is_gate(over.name)), None)
    if gate is not None:
        raise UsageProblem(f"--override {gate}: a gate is overridden together with --pass WHY only")
    agent = _with_accepted(question.agent, overrides)
    finding = look_into(replace(question, agent=agent))
    _check_threads(overrides, finding)
    _write_overrides(question, overrides, finding)
    accepted = {"accepted_threads": agent.task.accepted_threads}
    Store(question.settings.state_file).update(lambda fleet: fleet.change(question.agent, task=accepted))
    return notify(sanitize(f"{with_work(agent)}{_named(overrides)}"), question.settings, environ)


def send_back(question: Question, what: str, short: str = "") -> str:
    """Send the agent what is missing, and set it back to work; returns the proof of delivery. ``short``: for the
    journal. NotYet if it cannot receive it now: the loop sends it as soon as possible."""
    short = short or what
    agent, settings = question.agent, question.settings
    pane_io = open_pane_io(settings, question.fleet)
    pane = agent.pane_on(pane_io.server)
    try:
        if pane is None:
            raise Refusal("it has no pane on this tmux server")
        receipt = deliver(pane_io, pane, rebriefing(agent, Rebrief([what])), why="evaluation")
    except Refusal as refusal:
        judged_already = agent.state in (AgentState.PENDING_EVALUATION, AgentState.DONE)
        state = AgentState.COMPLETE if judged_already else agent.state
        waiting = {"state": state, "verdict": {"waiting": what}}
        Store(settings.state_file).update(lambda fleet: fleet.change(agent, **waiting))
        _journal(question, "evaluated", short, outcome="kept until it can be delivered")
        raise NotYet(f"kept, and delivered by {spelled('run-loop')} as soon as it can be: {refusal}") from refusal
    changes = {
        "verdict": {"waiting": ""},
        "state": AgentState.RUNNING,
        "revision_count": agent.revision_count + 1,
        "last_rebriefed_at": time.time(),
    }
    Store(settings.state_file).update(lambda fleet: fleet.change(agent, **changes))
    _journal(question, "evaluated", short, outcome="sent back")
    return receipt.proof


def overrides_of(pairs: Sequence[tuple[str, str]]) -> list[Override]:
    """The values of ``--override NAME WHY``, each with its reason."""
    for name, why in pairs:
        if not name.strip() or not why.strip():
            raise UsageProblem("--override: expected the gate's (or the thread's) name and the reason")
    return [Override(name.strip(), why.strip()) for name, why in pairs]


def _with_accepted(agent: Agent, overrides: Sequence[Override]) -> Agent:
    threads = {over.name: over.why for over in overrides if not is_gate(over.name)}
    accepted = {**accepted_threads(agent), **threads}
    return agent.changed(task={"accepted_threads": accepted}) if accepted else agent


def _check_threads(overrides: Sequence[Override], finding: Finding) -> None:
    """A name that is neither a gate's nor a thread's is a typing error."""
    threads = {thread.id for thread in finding.pull.pull.threads} if finding.pull.pull is not None else set()
    for over in overrides:
        if not is_gate(over.name) and over.name not in threads:
            raise Refusal(f"--override: {sanitize(over.name)} is neither a gate nor a review thread that could be read")


def _write_overrides(question: Question, overrides: Sequence[Override], finding: Finding) -> None:
    evidence = {gate.name: gate.evidence for gate in finding.verdict.gates}
    for over in overrides:
        _journal(question, "override", over.why, gate=over.name, evidence=evidence.get(over.name, ""))


def _named(overrides: Sequence[Override]) -> str:
    return f"; accepted: {', '.join(f'{over.name} ({over.why})' for over in overrides)}" if overrides else ""


def _journal(question: Question, event: str, why: str, **fields: object) -> None:
    Journal(question.settings.journal_file).write(
        event, id=question.agent.id, window=question.agent.window, why=why, **fields
    )


def judged(fleet: Fleet, agent: Agent) -> Agent:
    """The agent to evaluate; refuses one that is done or recycled."""
    if agent.state in (AgentState.DONE, AgentState.RECYCLED):
        raise Refusal(f"{agent.called} is {agent.state} already")
    return fleet.current(agent) or agent
