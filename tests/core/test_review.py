"""What a heartbeat says, put together from one cycle without a terminal."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from fleetscripts.core.gates.evaluation_page import Evaluation, Work, page
from fleetscripts.core.gates.gates import Verdict
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.reports.review import Review
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind, AgentState, Classification, PaneState
from fleetscripts.services.loop.cycle import Cycle
from fleetscripts.services.reports.review_agents import agents_reviewed

NOW = 1_800_000_000.0
HOSTILE = "$(touch x)`touch y`;touch z 'a:1"
"""A name that tmux takes for a session: an agent can give it to the one that it runs in."""


def reviewed(agent: Agent, pane: PaneState, action: str = "", **failed: str) -> Review:
    kind = ActionKind.RECOVERY if failed else ActionKind.DECISION
    actions = (Action(agent.window, agent.pane_id, action, kind, "why"),) if action else ()
    looks = ((agent, Observation(Classification(pane, "as drawn"))),)
    return agents_reviewed(Cycle(Fleet(agents=(agent,)), looks, actions, moved=False), failed, NOW)


@pytest.mark.parametrize("action", ["dialog", "stalled", "stuck", "api_error", "evaluate", "escalated", "escalate"])
def test_a_window_stands_in_a_call_as_one_word(action: str) -> None:
    [decision] = reviewed(Agent(HOSTILE), PaneState.PROMPT, action).decisions
    for call in decision.next:
        assert shlex.split(call)[1] == HOSTILE
    [plain] = reviewed(Agent("fleet:1"), PaneState.PROMPT, action).decisions
    assert all(" fleet:1" in call for call in plain.next)


def test_so_it_does_in_the_calls_about_windows_that_are_gone_or_done() -> None:
    gone: dict[str, Any] = {HOSTILE: "refused: no worktree"}
    [decision] = reviewed(Agent(HOSTILE), PaneState.MISSING, "restore", **gone).decisions
    [proposal] = reviewed(Agent(HOSTILE, state=AgentState.DONE), PaneState.PROMPT).proposals
    assert [shlex.split(*item.next)[1] for item in (decision, proposal)] == [HOSTILE, HOSTILE]


def test_and_in_the_calls_of_the_page_to_judge_by() -> None:
    calls = [
        line
        for line in page(Evaluation(Agent(HOSTILE), Verdict(()), Work(problem="none"))).splitlines()
        if "--pass" in line
    ]
    assert f"evaluate {shlex.quote(HOSTILE)} --pass" in "".join(calls)
