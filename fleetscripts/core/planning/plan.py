"""From observations to actions: at most one per agent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fleetscripts.core.planning.action_row import Once
from fleetscripts.core.planning.actions import BY_NAME
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.policy import PolicyCase, PolicyRule, decide, dialog_reason
from fleetscripts.core.planning.rescue import Pick, Picks
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.plain_lines import plain_lines
from fleetscripts.fleet import Agent
from fleetscripts.models import Action, ActionKind, AgentState, PaneState

STOP = frozenset({AgentState.DONE, AgentState.RECYCLED, AgentState.ESCALATED})


def plan(
    looks: Iterable[tuple[Agent, Observation]], limits: Limits, now: float, picks: Picks | None = None
) -> list[Action]:
    """What is to be done now, in the order of the agents. ``picks``: accounts for agents at a limit."""
    known = picks or {}
    cases = [(PolicyCase(agent, seen.classification, limits, now, known.get(agent.key)), seen) for agent, seen in looks]
    return [_action(case.agent, seen, rule, case.prospect) for case, seen, rule in _decided(cases)]


def _decided(cases: Iterable[tuple[PolicyCase, Observation]]) -> Iterator[tuple[PolicyCase, Observation, PolicyRule]]:
    """The policy's decision for each; for a cap shared by several agents, once: one answer releases all of them."""
    asked: set[str] = set()
    for case, seen in cases:
        rule = decide(case)
        if rule is not None and BY_NAME[rule.action].once is Once.HOLD:
            if case.agent.hold.cap in asked:
                continue
            asked.add(case.agent.hold.cap)
        if rule is not None:
            yield case, seen, rule


def _action(agent: Agent, seen: Observation, rule: PolicyRule, prospect: Pick | None) -> Action:
    reason = rule.reason
    if "{" in reason:
        fields: dict[str, Any] = {name: getattr(agent, name) for name in agent.__dataclass_fields__}
        reason = reason.format_map(fields | {"dialog_reason": dialog_reason(agent.seen.dialog)})
    details = _details(agent, seen, rule)
    if BY_NAME[rule.action].account and prospect is not None:
        details["account"] = prospect.account.name
    return Action(agent.window, agent.pane_id, rule.action, rule.kind, sanitize(reason), details)


def _details(agent: Agent, seen: Observation, rule: PolicyRule) -> dict[str, Any]:
    """What the decision needs. ``screen`` is data from the pane, never an instruction."""
    details: dict[str, Any] = {
        "worktree": agent.worktree,
        "id": agent.id,
        "state": str(agent.state),
        "pane_state": str(seen.classification.state),
    }
    known = {
        "dialog": agent.seen.dialog,
        "error": agent.seen.error,
        "resets_at": agent.seen.resets_at,
        "parked_until": agent.rescue.parked_until,
        "pr_number": agent.pr_number,
        "missing_steps": [step for step in agent.steps if step not in agent.checkpoints],
    }
    details |= {name: value for name, value in known.items() if value}
    if counter := BY_NAME[rule.action].counter:
        details["tries"] = getattr(agent.attempts, counter)
    if rule.kind is ActionKind.DECISION and seen.classification.state is not PaneState.MISSING:
        details["screen"] = [sanitize(line) for line in plain_lines(seen.excerpt, agent.objective)]
    return details


def as_json(action: Action) -> dict[str, Any]:
    """One element of poll-cycle's array."""
    members: dict[str, Any] = {"window": action.window, "pane_id": action.pane_id, "action": action.action}
    return members | {"kind": str(action.kind), "reason": action.reason} | dict(action.details)


def all_done(agents: Iterable[Agent]) -> bool:
    """Whether there are agents, and all that is left to do is a person's to decide."""
    states = [agent.state for agent in agents]
    return any(state is not AgentState.RECYCLED for state in states) and all(state in STOP for state in states)
