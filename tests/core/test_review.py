"""What a heartbeat says, put together from one cycle without a terminal."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Any

import pytest

from fleetscripts.core.gates.evaluation_page import Evaluation, WorkDone, page
from fleetscripts.core.gates.gates import GateVerdict
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


def test_why_a_repair_failed_is_told_of_the_agent_it_failed_for() -> None:
    """Another agent may have its window's number by now."""
    agent = Agent("fleet:1", id="mine")
    told = [
        [item.what for item in reviewed(agent, PaneState.MISSING, "restore", **failed).decisions]
        for failed in ({"mine": "refused: a"}, {"other": "refused: b"}, {"fleet:1": "refused: c"})
    ]
    assert told == [["why; refused: a"], [], ["why; refused: c"]]


def test_and_in_the_calls_of_the_page_to_judge_by() -> None:
    calls = [
        line
        for line in page(Evaluation(Agent(HOSTILE), GateVerdict(()), WorkDone(problem="none"))).splitlines()
        if "--pass" in line
    ]
    assert f"evaluate {shlex.quote(HOSTILE)} --pass" in "".join(calls)


def set_to(wakes_at: float, **more: Any) -> Agent:
    return Agent("fleet:1", **more).changed(seen={"wakes_at": wakes_at})


def test_who_rests_until_an_alarm_of_its_own_is_told_with_the_time() -> None:
    [waits] = reviewed(set_to(NOW + 1200), PaneState.PROMPT).waiting
    assert waits.kind == "alarm"
    assert waits.what == f"it has set itself an alarm, it wakes at {clock(NOW + 1200)}, in 20m"
    [late] = reviewed(set_to(NOW - 60), PaneState.PROMPT).waiting
    assert late.what == f"it has set itself an alarm, it was to wake at {clock(NOW - 60)}"


@pytest.mark.parametrize(
    ("agent", "pane", "action"),
    [
        (set_to(NOW + 1200), PaneState.RUNNING, ""),
        (set_to(NOW + 1200), PaneState.PROMPT, "stalled"),
        (set_to(NOW + 1200, state=AgentState.DONE), PaneState.PROMPT, ""),
        (set_to(NOW - 600), PaneState.PROMPT, ""),
        (set_to(0), PaneState.PROMPT, ""),
    ],
    ids=["at work", "a decision is due", "done", "long past", "no alarm"],
)
def test_an_alarm_that_nothing_waits_for_is_not_told(agent: Agent, pane: PaneState, action: str) -> None:
    assert reviewed(agent, pane, action).waiting == ()


@pytest.mark.parametrize(("in_seconds", "said"), [(3900, "it wakes at {}, in 1h05"), (-60, "it was to wake at {}")])
def test_who_waits_at_a_usage_limit_is_told_with_the_time(in_seconds: float, said: str) -> None:
    found = Classification(PaneState.RATE_LIMITED, "as drawn", resets_at=NOW + in_seconds)
    agent = Agent("fleet:1")
    cycle = Cycle(Fleet(agents=(agent,)), ((agent, Observation(found)),), (), moved=False)
    [waits] = agents_reviewed(cycle, {}, NOW).waiting
    assert waits.what == f"at a usage limit, {said.format(clock(NOW + in_seconds))}"


def clock(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%H:%M")
