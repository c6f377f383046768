"""A scripted model's next steps, for any API."""

from __future__ import annotations

from fleetscripts.practice.budget import Budget
from fleetscripts.practice.progress import ScriptProgress
from fleetscripts.practice.script import DEFAULT_WALL_SECONDS, FAILURES, NOTHING_LEFT, TEXTS, TOOL_FINISHED, Step


def failing(found: ScriptProgress, budget: Budget, token: str, now: float) -> str | None:
    """The next failure that still applies to this token; None if the request is to be served."""
    for step in found.remaining:
        if step.name not in FAILURES:
            return None
        key = (found.key, step.index)
        if step.name == "ratelimit":
            fails = budget.build_once(key, token, now + step.number(DEFAULT_WALL_SECONDS))
        elif step.name in ("overloaded", "server"):
            fails = budget.fail_again(key, step.number(float("inf")))
        elif step.name == "context":
            fails = True
        else:
            fails = budget.fails_for(key, token)
        if fails:
            return step.name
    return None


def next_steps(found: ScriptProgress) -> list[Step]:
    """The steps of one answer: texts, up to and with the next tool call. Failures at the front are past.

    Before a failure there is an empty command, so that the client asks again and meets it."""
    steps: list[Step] = []
    for step in found.remaining:
        if step.name in FAILURES and not steps:
            continue
        if step.name in FAILURES:
            return [*steps, Step("bash", "true", step.index - 1)]
        steps.append(step)
        if step.name not in TEXTS:
            return steps
    return steps or [Step("say", TOOL_FINISHED if found.after_tool else NOTHING_LEFT, 0)]
