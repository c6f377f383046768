"""The heartbeat's items about the fleet's own agents, from one poll."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from fleetscripts.core.planning.actions import BY_NAME
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.progress import waits_by_itself
from fleetscripts.core.records.sanitize import sanitize, shell_word
from fleetscripts.core.reports.review import Item, Review
from fleetscripts.core.reports.status_text import age
from fleetscripts.fleet import Agent
from fleetscripts.invocation import spelled
from fleetscripts.models import Action, ActionKind, AgentState, PaneState
from fleetscripts.services.loop.cycle import Cycle

SEVERAL = 2
"""Number of lost windows from which one command for all is suggested."""


def agents_reviewed(cycle: Cycle, failed: Mapping[str, str], now: float) -> Review:
    """Decisions, what waits by itself, and what could be recycled. ``failed``: why a repair failed, by the agent's id,
    or by its window if no id was recorded."""
    decisions: list[Item] = []
    waiting: list[Item] = []
    acted = {(action.window, action.pane_id): action for action in cycle.actions}
    for agent, seen in cycle.looks:
        action = acted.get((agent.window, agent.pane_id))
        if agent.hold.reason and not agent.finished:
            waiting.append(_held(agent, now))
        if action is not None and action.kind is ActionKind.DECISION:
            decisions.append(decision(agent, action))
        elif action is not None and BY_NAME[action.action].undone:
            decisions += _unrepaired(agent, action, failed.get(agent.id) or failed.get(agent.window, ""))
        elif seen.classification.state is PaneState.RATE_LIMITED and not agent.finished:
            waiting.append(_wall(agent, seen, now))
        elif action is None and _rests_until_its_alarm(agent, seen, now):
            waiting.append(_alarm(agent, now))
    done = [agent for agent, _ in cycle.looks if agent.state is AgentState.DONE]
    return Review(
        now,
        decisions=(*_all_gone(decisions), *decisions),
        waiting=tuple(waiting),
        proposals=tuple(map(_recyclable, done)),
    )


def about(agent: Agent) -> dict[str, Any]:
    """What names an agent's work."""
    known = {
        "worktree": agent.worktree,
        "branch": agent.branch,
        "pr": agent.pr_number,
        "missing": [step for step in agent.steps if step not in agent.checkpoints],
    }
    return {name: value for name, value in known.items() if value}


def decision(agent: Agent, action: Action) -> Item:
    """One decision, with its subject and the commands that may follow."""
    calls = tuple(spelled(call).format(agent=shell_word(agent.handle)) for call in BY_NAME[action.action].calls)
    more = {"objective": sanitize(agent.objective)[:300]} if agent.objective else {}
    return Item(action.action, agent.window, action.reason, calls, agent.pane_id, about(agent) | more)


def _unrepaired(agent: Agent, action: Action, why: str) -> list[Item]:
    """A record whose pane is gone, or a dead shell, that could not be repaired; nothing while it is being tried."""
    if not why:
        return []
    row = BY_NAME[action.action]
    calls = tuple(spelled(call).format(agent=shell_word(agent.handle)) for call in row.calls)
    return [Item(row.undone, agent.window, f"{action.reason}; {why}", calls, agent.pane_id, about(agent))]


def _all_gone(decisions: Sequence[Item]) -> list[Item]:
    """One command for all if several windows are gone, as with their tmux server."""
    gone = [item.window for item in decisions if item.kind == BY_NAME["restore"].undone]
    if len(gone) < SEVERAL:
        return []
    return [Item("windows_gone", "", f"{len(gone)} windows are gone", (spelled("restore-agent --all"),))]


def _wall(agent: Agent, seen: Observation, now: float) -> Item:
    resets_at = seen.classification.resets_at
    when = "it does not say how long" if resets_at is None else _wakes(resets_at, now)
    return Item("wall", agent.window, f"at a usage limit, {when}", (), agent.pane_id, about(agent))


def _rests_until_its_alarm(agent: Agent, seen: Observation, now: float) -> bool:
    return seen.classification.state is PaneState.PROMPT and not agent.finished and waits_by_itself(agent, now)


def _alarm(agent: Agent, now: float) -> Item:
    what = f"it has set itself an alarm, {_wakes(agent.seen.wakes_at, now)}"
    return Item("alarm", agent.window, what, (), agent.pane_id, about(agent))


def _held(agent: Agent, now: float) -> Item:
    until = "somebody allows more" if agent.hold.cap else "it receives a message"
    what = f"{agent.hold.reason}, {age(now - agent.hold.since)} ago: left alone until {until}"
    return Item("held", agent.window, sanitize(what), (), agent.pane_id, about(agent))


def _recyclable(agent: Agent) -> Item:
    call = f"{spelled('recycle-agent')} {shell_word(agent.handle)}"
    return Item("done", agent.window, "done; its worktree could be recycled", (call,), agent.pane_id, about(agent))


def _wakes(at: float, now: float) -> str:
    return f"it wakes at {_clock(at)}, in {age(at - now)}" if at >= now else f"it was to wake at {_clock(at)}"


def _clock(at: float) -> str:
    return time.strftime("%H:%M", time.localtime(at))
