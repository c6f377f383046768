"""When work that waits for evaluation is verified again: soon at first, then ever more rarely."""

from __future__ import annotations

from typing import Any

import pytest

from fleetscripts.core.planning.due import next_due
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.policy import PolicyCase, to_perform
from fleetscripts.models import Action, ActionKind, Classification, PaneState
from tests.records import agent_with

NOW = 1_800_000_000.0
EVALUATE = Action("s:1", "%1", "evaluate", ActionKind.DECISION, "every gate held")
OTHER = Action("s:1", "%1", "dialog", ActionKind.DECISION, "a question")
NUDGE = Action("s:1", "%1", "nudge", ActionKind.RECOVERY, "it stands still")


@pytest.mark.parametrize(
    ("verified_ago", "held_for", "is_due"),
    [
        pytest.param(0, 0, False, id="just verified"),
        pytest.param(59, 0, False, id="less than a minute ago"),
        pytest.param(60, 0, True, id="a minute ago"),
        pytest.param(100, 300, False, id="it has held for five minutes"),
        pytest.param(300, 300, True, id="five minutes ago, held as long"),
        pytest.param(599, 86_400, False, id="held for a day"),
        pytest.param(600, 86_400, True, id="held for a day, looked at ten minutes ago"),
        pytest.param(-50, 0, True, id="the clock was set back"),
    ],
)
def test_the_longer_a_verdict_has_held_the_longer_it_is_believed(
    verified_ago: float, held_for: float, is_due: bool
) -> None:
    at = NOW - verified_ago
    agent = agent_with("s:1", state="pending_evaluation", last_verified_at=at, verdict_since=at - held_for)
    action = to_perform(agent, EVALUATE, NOW)
    assert (action is not None and action.action == "verify_again") is is_due
    case = PolicyCase(agent, Classification(PaneState.PROMPT, "at rest"), Limits(300, 300), NOW)
    due = next_due(case)
    if verified_ago >= 0:
        assert (due is None or due <= NOW + 0.01) is is_due


@pytest.mark.parametrize(
    ("action", "fields", "performed"),
    [
        pytest.param(EVALUATE, {}, None, id="nobody has verified it: somebody put it there"),
        pytest.param(OTHER, {"last_verified_at": 1.0}, None, id="another decision waits"),
        pytest.param(NUDGE, {"last_verified_at": 1.0}, NUDGE, id="what is no decision is performed"),
    ],
)
def test_nothing_else_is_done_meanwhile(action: Action, fields: dict[str, Any], performed: Action | None) -> None:
    assert to_perform(agent_with("s:1", **fields), action, NOW) == performed
