"""One sentence on each agent for a new orchestrator conversation that finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.core.reports.status_text import age, pull, steps
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, Classification, PaneState

OBJECTIVE_COLUMNS = 90
SAID_COLUMNS = 110

SURVIVED = frozenset(PaneState) - {PaneState.MISSING, PaneState.IDLE}
"""States with a live client."""

Teller = Callable[[Agent, Classification, float], str]
STANDS: Mapping[PaneState, Teller] = {
    PaneState.STARTING: lambda agent, seen, now: "alive, it is just starting",
    PaneState.RUNNING: lambda agent, seen, now: "alive and at work",
    PaneState.PROMPT: lambda agent, seen, now: "alive, at its prompt with its work not done",
    PaneState.WAITING_APPROVAL: lambda agent, seen, now: f"alive, a {seen.dialog or 'dialog'} waits for an answer",
    PaneState.RATE_LIMITED: lambda agent, seen, now: (
        f"alive, at a usage limit{f' until in {age(seen.resets_at - now)}' if seen.resets_at else ''}"
    ),
    PaneState.API_ERROR: lambda agent, seen, now: f"alive, its turn died on an error ({seen.error or 'other'})",
    PaneState.COMPLETE: lambda agent, seen, now: "alive, it says that it has finished",
    PaneState.IDLE: lambda agent, seen, now: "its client has ended, its pane is at a shell",
    PaneState.MISSING: lambda agent, seen, now: "its window is gone",
    PaneState.UNKNOWN: lambda agent, seen, now: f"its state is unclear ({seen.reason})",
}
JUDGED: Mapping[AgentState, str] = {
    AgentState.PENDING_EVALUATION: "verified, it waits for your judgement",
    AgentState.DONE: "done",
    AgentState.ESCALATED: "escalated",
}


def survivor_sentence(agent: Agent, seen: Classification, now: float) -> str:
    """``work:3 (tree-3, feat/x, #12 ✓, 1/2 steps): alive and at work on “…”; it said last: “…”``."""
    facts = [agent.worktree, agent.branch]
    facts += [pull(agent)] if agent.pr_number else []
    facts += [f"{steps(agent)} steps"] if agent.steps else []
    stands = STANDS[seen.state](agent, seen, now)
    if agent.task.pending is not None:
        stands = f"{stands}, and its task is only being given to it"
    if agent.hold.reason:
        stands = f"{stands} ({agent.hold.reason})"
    if agent.state in JUDGED:
        why = f" ({agent.escalation.reason})" if agent.escalation.reason else ""
        stands = f"{JUDGED[agent.state]}{why}; {stands}"
    objective = next((line for part in agent.objective.splitlines() if (line := sanitize(part))), "")
    doing = f", on “{fit(objective, OBJECTIVE_COLUMNS)}”" if objective else ""
    said = f"; it said last: “{fit(sanitize(agent.seen.said), SAID_COLUMNS)}”" if agent.seen.said else ""
    return sanitize(f"{agent.window} ({', '.join(fact for fact in facts if fact)}): {stands}{doing}{said}")
