"""Status for a model: each agent in a few words or fields, those that wait first, within a bounded length."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.core.reports.status_text import FOR_SOMEBODY, HELD, in_state_for, note, pull, shown_state, steps
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState

MOST_CHARACTERS = 8_000
MOST_JSON_CHARACTERS = 15_500
"""About 4,000 tokens."""
LONGEST_NOTE = 120
LONGEST_NAME = 60
TOLD = frozenset({*FOR_SOMEBODY, AgentState.RATE_LIMITED, HELD})
"""States that need their note to be useful."""


def brief_lines(agents: Sequence[Agent], now: float) -> list[str]:
    """One line per agent, as many as fit, and one for the others."""
    lines: list[str] = []
    room = MOST_CHARACTERS
    for at, agent in enumerate(agents):
        line = _line(agent, now)
        room -= len(line) + 1
        if room < len(_others(agents[at:])) + 1:
            return [*lines, _others(agents[at:])]
        lines.append(line)
    return lines


def brief_json(head: Mapping[str, Any], agents: Sequence[Agent], now: float) -> str:
    """The head's members, then ``agents``; ``more`` counts those that did not fit. Empty fields are left out."""
    shown: list[dict[str, Any]] = []
    room = MOST_JSON_CHARACTERS - len(_compact({**head, "agents": [], "more": len(agents)}))
    for agent in agents:
        members = _members(agent, now)
        room -= len(_compact(members)) + 1
        if room < 0:
            break
        shown.append(members)
    more = {"more": len(agents) - len(shown)} if len(shown) < len(agents) else {}
    return _compact({**head, "agents": shown, **more})


def _line(agent: Agent, now: float) -> str:
    state = shown_state(agent)
    facts = [_name(agent.branch), pull(agent), steps(agent)]
    told = f"; {fit(sanitize(note(agent, now)), LONGEST_NOTE)}" if state in TOLD else ""
    words = ", ".join(fact for fact in facts if fact not in ("-", ""))
    return sanitize(f"{_name(agent.window)} ({_name(agent.handle)}): {state} {in_state_for(agent, now)}, {words}{told}")


def _others(agents: Sequence[Agent]) -> str:
    states = [shown_state(agent) for agent in agents]
    return f"and {len(agents)} more: {', '.join(f'{states.count(name)} {name}' for name in dict.fromkeys(states))}"


def _members(agent: Agent, now: float) -> dict[str, Any]:
    state = shown_state(agent)
    members = {
        "window": agent.window,
        "worktree": agent.worktree,
        "state": state,
        "for": in_state_for(agent, now),
        "branch": agent.branch,
        "pr_number": agent.pr_number,
        "checks": agent.verdict.checks,
        "steps": steps(agent) if agent.steps else "",
        "note": sanitize(note(agent, now)) if state in TOLD else "",
    }
    return {name: fit(str(value), LONGEST_NOTE) for name, value in members.items() if value}


def _name(text: str) -> str:
    return fit(sanitize(text), LONGEST_NAME)


def _compact(members: Mapping[str, Any]) -> str:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))
