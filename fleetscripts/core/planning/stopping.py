"""What keeps a fleet from being stopped while its work is to be finished first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from fleetscripts.core.gates.gates import GateResult, GateStatus
from fleetscripts.core.pr_testing.queue import Queue
from fleetscripts.core.records.handles import with_work
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState

SETTLED = frozenset({AgentState.DONE, AgentState.ESCALATED})


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that has to happen first; ``status`` is never pass."""

    window: str
    what: str
    status: GateStatus = GateStatus.FAIL


def on_record(agents: Iterable[Agent], seen_at: float) -> list[Obstacle]:
    """Agents that are neither done nor escalated, and escalations nobody has looked at since. ``seen_at``: when the
    orchestrator or a person last looked at the fleet, Unix seconds."""
    found: list[Obstacle] = []
    for agent in agents:
        if agent.state is AgentState.PENDING_EVALUATION:
            found.append(_of(agent, "it waits for evaluation: evaluate it"))
        elif agent.state not in SETTLED and agent.state is not AgentState.RECYCLED:
            found.append(_of(agent, f"it is {agent.state}, neither done nor escalated"))
        elif agent.state is AgentState.ESCALATED and seen_at < agent.escalation.at:
            why = agent.escalation.reason or "no reason recorded"
            found.append(_of(agent, f"escalated ({why}), and nobody has looked since: call status, tell the user"))
    return found


def on_github(
    agents: Iterable[Agent],
    gates: Mapping[str, Iterable[GateResult]],
    accepted: Mapping[str, Collection[str]],
) -> list[Obstacle]:
    """GitHub's objections, without the gates that were overridden when the agent was evaluated."""
    return [
        _of(agent, f"{gate.name}: {gate.evidence}", gate.status)
        for agent in agents
        for gate in gates.get(agent.key, ())
        if gate.status is not GateStatus.PASS and gate.name not in accepted.get(agent.key, ())
    ]


def in_test_queue(agents: Iterable[Agent], queue: Queue) -> list[Obstacle]:
    """Agents whose pull request is under test or queued for it."""
    found: list[Obstacle] = []
    for agent in agents:
        entry = queue.of_agent(agent)
        if entry is not None and agent.state is not AgentState.RECYCLED:
            tested = queue.lease_of(str(entry.key)) is not None
            what = "is under test" if tested else f"waits for its test (or: {spelled('test-queue')} drop)"
            found.append(_of(agent, f"{entry.key} {what}", GateStatus.PENDING))
    return found


def _of(agent: Agent, what: str, status: GateStatus = GateStatus.FAIL) -> Obstacle:
    return Obstacle(sanitize(with_work(agent)), sanitize(what), status)
