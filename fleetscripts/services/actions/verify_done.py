"""Runs the gates when an agent reports DONE, and acts on the verdict."""

from __future__ import annotations

import time

from fleetscripts.adapters.records.store import Store
from fleetscripts.core.gates.gates import GateResult, GateVerdict, Outcome
from fleetscripts.core.records.handles import with_work
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.conclude_review import conclude_review
from fleetscripts.services.actions.rebrief import failing, has_another_task, rebrief
from fleetscripts.services.notify.notify import notify
from fleetscripts.services.pulls.pull_reading import CyclePulls
from fleetscripts.services.verification.verify import Question, look_into, record

LASTING_SECONDS = {Outcome.PENDING: 7200.0, Outcome.UNKNOWN: 900.0}
"""A verdict that lasts this long is notified once: checks that never end, a ``gh`` that is not logged in."""

READING = CyclePulls()
"""For all verifications of this process, and its hosts' requests."""


def verify_agent(case: Case) -> str:
    """Evaluate the gates, record the verdict, and act on it. Only ``evaluate`` ever marks an agent done."""
    read = READING.reader(case.fleet, case.settings)
    finding = look_into(Question(case.agent, case.fleet, case.settings, read))
    verdict, now = finding.verdict, time.time()
    record(case.store, case.agent, verdict, now)
    said = f"{verdict.outcome}: {verdict.findings()}" if verdict.holding_back() else str(verdict.outcome)
    match verdict.outcome:
        case Outcome.VERIFIED if case.agent.task.reviews:
            return conclude_review(case)
        case Outcome.VERIFIED:
            return _verified(case)
        case Outcome.NOT_COMPLETE if failing(verdict) and case.settings.supervision != "active":
            return f"{said}; not told: it is spoken to only on demand"
        case Outcome.NOT_COMPLETE if failing(verdict):
            return f"{said}; {rebrief(case, finding, now)}"
        case waiting:
            return "; ".join([said, *_lasting(case, waiting, verdict, now)])


def _verified(case: Case) -> str:
    """Notify, unless somebody changed its state while the gates were evaluated."""
    if waits_for_evaluation(case.store, case.agent) is None:
        return "every gate holds, but its state has changed since"
    warnings = notify(f"{_who(case)}: every gate holds, it waits for evaluation", case.settings, case.environ)
    return "; ".join(["every gate holds: pending_evaluation", *warnings])


def waits_for_evaluation(store: Store, judged: Agent) -> Agent | None:
    """``pending_evaluation`` for an agent that reported DONE and whose gates pass; None if it has moved on to something
    else, or never reported it."""
    marked: list[Agent] = []

    def mark(fleet: Fleet) -> Fleet:
        agent = fleet.current(judged)
        if agent is None or agent.state is not AgentState.COMPLETE or has_another_task(agent, judged):
            return fleet
        marked.append(agent)
        now = time.time()
        noticed = {"last": "evaluate", "last_at": now}
        waits = agent.changed(state=AgentState.PENDING_EVALUATION, notices=noticed, attempts=agent.attempts.verified())
        return fleet.exchange(agent, waits)

    store.update(mark)
    return marked[0] if marked else None


def verify_again(case: Case) -> str:
    """Whether verified work that waits for evaluation still passes: otherwise it is verified again as before. A silent
    GitHub, or one still computing mergeability, changes nothing."""
    verified = case.agent.verdict.head if case.agent.verdict.outcome == Outcome.VERIFIED else ""
    read = READING.reader(case.fleet, case.settings)
    finding = look_into(Question(case.agent, case.fleet, case.settings, read, verified_head=verified))
    verdict = finding.verdict
    if verdict.outcome is Outcome.VERIFIED:
        record(case.store, case.agent, verdict, time.time())
        return "every gate still holds"
    lost = [gate for gate in verdict.holding_back() if gate.status == "fail" or _waits_anew(gate)]
    if not lost:
        case.change(verdict={"at": time.time()})
        return f"cannot be determined now: {verdict.findings()}"
    taken: list[Agent] = []

    def take_back(fleet: Fleet) -> Fleet:
        agent = fleet.current(case.agent)
        if agent is None or agent.state is not AgentState.PENDING_EVALUATION or has_another_task(agent, case.agent):
            return fleet
        taken.append(agent)
        return fleet.change(agent, state=AgentState.COMPLETE)

    case.store.update(take_back)
    if not taken:
        return "its state has changed since"
    record(case.store, case.agent, verdict, time.time())
    line = f"{_who(case)}: waits for evaluation no longer: {verdict.findings()}"
    warnings = notify(sanitize(line), case.settings, case.environ)
    return "; ".join([f"{verdict.outcome}: no longer pending_evaluation: {verdict.findings()}", *warnings])


def _waits_anew(gate: GateResult) -> bool:
    return gate.status == "pending" and gate.name not in ("conflicts", "verify_command")


def _lasting(case: Case, outcome: Outcome, verdict: GateVerdict, now: float) -> list[str]:
    """Notify a person, once, of a verdict that the agent can do nothing about: after it has lasted long, or at once if
    the record itself is wrong."""
    agent = case.current()
    waited = now - agent.verdict.since
    needs_person = any(gate.by_person for gate in verdict.holding_back())
    if agent.verdict.told_at or (waited < LASTING_SECONDS.get(outcome, 0.0) and not needs_person):
        return []
    case.change(verdict={"told_at": now})
    line = f"{_who(case)}: {outcome} for {waited / 60:.0f} minutes: {verdict.findings()}"
    case.journal.write("verdict-lasts", window=agent.window, why=verdict.findings(), outcome=str(outcome))
    return ["told of it", *notify(line, case.settings, case.environ)]


def _who(case: Case) -> str:
    return sanitize(with_work(case.agent))
