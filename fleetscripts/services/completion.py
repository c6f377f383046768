"""What follows when an agent says that it has finished: the gates, and what their verdict leads to."""

from __future__ import annotations

import time
from dataclasses import replace

from fleetscripts.core.gates import GateResult, Outcome, Verdict
from fleetscripts.core.visible import visible
from fleetscripts.errors import Refused
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.briefing import rebriefing
from fleetscripts.services.deliver import deliver
from fleetscripts.services.desk import open_desk
from fleetscripts.services.notify import notify
from fleetscripts.services.recovery import Case
from fleetscripts.services.verify import Question, record, verify


def verify_agent(case: Case) -> str:
    """Ask the gates, record the verdict, and do what it means. Only ``evaluate`` ever marks an agent done."""
    verdict = verify(Question(case.agent, case.fleet, case.settings))
    record(case.store, case.agent, verdict, time.time())
    said = f"{verdict.outcome}: {findings_line(verdict)}" if verdict.holding_back() else str(verdict.outcome)
    if verdict.outcome is Outcome.VERIFIED:
        return _verified(case)
    if verdict.outcome is Outcome.NOT_COMPLETE:
        return f"{said}; {_rebrief(case, verdict)}"
    return said


def _verified(case: Case) -> str:
    """``pending_evaluation``, unless somebody changed its state while the gates were asked."""
    marked: list[Agent] = []

    def mark(fleet: Fleet) -> Fleet:
        agent = fleet.current(case.agent)
        if agent is None or agent.state is not AgentState.COMPLETE:
            return fleet
        marked.append(agent)
        now = time.time()
        counts = {"kicks": 0, "nudges": 0, "fruitless_rounds": 0}
        noticed = replace(agent, state=AgentState.PENDING_EVALUATION, last_notice="evaluate", last_notice_at=now)
        return fleet.exchange(agent, noticed).change(agent, **counts)

    case.store.update(mark)
    if not marked:
        return "every gate holds, but its state was changed meanwhile"
    who = visible(f"{case.agent.window} ({case.agent.worktree or case.agent.branch})")
    warnings = notify(f"{who}: every gate holds, it waits for evaluation", case.settings, case.environ)
    return "; ".join(["every gate holds: pending_evaluation", *warnings])


def _rebrief(case: Case, verdict: Verdict) -> str:
    """Tell the agent what is missing, at most once in the cooldown."""
    agent = case.current()
    now = time.time()
    wait = agent.last_rebriefed_at + case.settings.nudge_cooldown_seconds - now
    if wait > 0:
        return f"told so before, again in {wait:.0f} s"
    findings = [f"{gate.name}: {gate.evidence}" for gate in failing(verdict)]
    try:
        receipt = deliver(
            open_desk(case.settings, case.fleet), agent.pane_id, rebriefing(agent, findings), why="not complete"
        )
    except Refused as refusal:
        return f"not told: {refusal}"
    counts = {"revision_count": agent.revision_count + 1, "fruitless_rounds": agent.fruitless_rounds + 1}
    case.change(state=AgentState.RUNNING, last_rebriefed_at=now, kicks=0, nudges=0, **counts)
    return f"re-briefed (proof: {receipt.proof})"


def failing(verdict: Verdict) -> tuple[GateResult, ...]:
    """The gates that an agent can do something about."""
    return tuple(gate for gate in verdict.holding_back() if gate.status == "fail")


def findings_line(verdict: Verdict) -> str:
    """All that holds back, on one line."""
    return "; ".join(f"{gate.name} {gate.status}: {gate.evidence}" for gate in verdict.holding_back())
