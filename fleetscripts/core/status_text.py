"""Status for people: ages, steps, one table."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.visible import visible
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState

HEADINGS = ("WINDOW", "STATE", "FOR", "WORKTREE", "BRANCH", "PR", "STEPS", "COMMAND", "NOTE")


def age(seconds: float) -> str:
    """``45s``, ``12m``, ``3h05``, ``2d``; a dash for what was never or will be."""
    if seconds < 0 or seconds > 1e9:
        return "-"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 1:
        return f"{int(seconds)}s"
    if hours < 1:
        return f"{minutes}m"
    return f"{hours}h{minutes % 60:02}" if hours < 48 else f"{hours // 24}d"


def steps(agent: Agent) -> str:
    """``2/3``: required steps with a checkpoint, of those required."""
    return f"{len(set(agent.steps) & set(agent.checkpoints))}/{len(set(agent.steps))}" if agent.steps else "-"


def row(agent: Agent, command: str, now: float) -> tuple[str, ...]:
    """One agent's cells, in the order of HEADINGS."""
    since = max(agent.pane_state_since, agent.idle_since if agent.state is not AgentState.RUNNING else 0)
    return (
        agent.window,
        agent.state,
        age(now - (since or agent.spawned_at)),
        agent.worktree,
        agent.branch or "-",
        f"#{agent.pr_number}" if agent.pr_number else "-",
        steps(agent),
        command,
        note(agent, now),
    )


def note(agent: Agent, now: float) -> str:
    """What a person has to know beyond the state, else the objective."""
    if agent.escalation:
        return agent.escalation
    if agent.resets_at > now:
        return f"limit resets in {age(agent.resets_at - now)}"
    if agent.dialog:
        return f"{agent.dialog} dialog"
    return agent.objective


def about(agent: Agent) -> list[str]:
    """What an agent needs to find its way back to its task."""
    missing = [step for step in agent.steps if step not in agent.checkpoints]
    lines = [
        f"window: {visible(agent.window)}",
        f"worktree: {visible(agent.worktree_path)}",
        f"branch: {visible(agent.branch)}",
        f"pull request: {visible(agent.pr_number) or 'none'}",
        f"steps: {_names(agent.steps)}",
        f"checkpoints reached: {_names(agent.checkpoints)}",
        f"checkpoints missing: {_names(missing)}",
    ]
    if agent.image_path:
        lines.append(f"image: {visible(agent.image_path)}")
    return lines


def _names(names: Sequence[str]) -> str:
    return visible(" ".join(names)) or "none"
