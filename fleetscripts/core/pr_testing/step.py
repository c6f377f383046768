"""Recognises test-run steps: those are the orchestrator's, one at a time on the machine."""

from __future__ import annotations

from fleetscripts.pattern import pattern

_TEST_STEP = pattern(r"(?i)/*pr[-_]?test(?![\w-])")

WHY_NOT = (
    "pr-test is no agent's step: its tests share ports, a database and caches, so the orchestrator runs them one at a "
    "time (test-queue add WINDOW; --allow-test-step if yours share nothing)"
)


def is_test_step(step: str) -> bool:
    """Whether the step's name is that of ``/pr-test``, in any spelling."""
    return _TEST_STEP.match(step.strip()) is not None
