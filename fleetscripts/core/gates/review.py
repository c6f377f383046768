"""Reviews of one agent's work by another: the reviewer's verdict, and its effect on the work. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fleetscripts.core.gates.completion import REVIEW_MARK
from fleetscripts.core.gates.gates import GateResult
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState

GATE = "review"
PASS, FAIL = "PASS", "FAIL"


def verdict_in(checkpoints: Iterable[str], head: str) -> str:
    """The last verdict on this commit among an agent's reports: PASS or FAIL, empty for none."""
    said = [words.split() for words in checkpoints if words.startswith(f"{REVIEW_MARK} ")]
    known = [verdict for _, verdict, commit in said if head and head.startswith(commit)]
    return known[-1] if known else ""


def given(reviewer: Agent) -> GateResult:
    """For a reviewer: whether it has judged its commit."""
    head = reviewer.task.reviewed_head
    if verdict := verdict_in(reviewer.checkpoints, head):
        return GateResult.passed(GATE, f"{verdict} for {head[:12]}")
    return GateResult.failed(
        GATE, f"no verdict: end with a line ORCHESTRATOR:{REVIEW_MARK} PASS {head[:12]}, or FAIL in place of PASS"
    )


def reviewed(review: Mapping[str, Any] | None, head: str, *, call: str) -> GateResult:
    """For an author: the verdict on the very commit that is judged. ``call``: requests one."""
    if review is None or not head or review.get("head") != head:
        earlier = f" (the last one was of {str(review.get('head'))[:12]})" if review else ""
        return GateResult.pending(GATE, f"nobody has reviewed {head[:12]} yet{earlier}: {call}")
    if review.get("verdict") == PASS:
        return GateResult.passed(GATE, f"{review.get('by')} let {head[:12]} pass")
    return GateResult.failed(GATE, f"{review.get('by')} did not let {head[:12]} pass: mend it and commit")


def unreviewed(agents: Iterable[Agent]) -> list[Agent]:
    """Those that report being finished, and whose last judged commit no reviewer has passed."""
    return [agent for agent in agents if _waits(agent)]


def _waits(agent: Agent) -> bool:
    if agent.task.reviews or agent.state not in (AgentState.COMPLETE, AgentState.PENDING_EVALUATION):
        return False
    review = agent.verdict.review or {}
    return not (agent.verdict.head and review.get("head") == agent.verdict.head and review.get("verdict") == PASS)
