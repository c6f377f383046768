"""What status shows of an agent: ages, steps, checks, the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetscripts.core.records.sanitize import sanitize, shell_word
from fleetscripts.fleet import Agent
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, PaneState

COLOURS = {
    AgentState.RUNNING: "green",
    AgentState.COMPLETE: "cyan",
    AgentState.PENDING_EVALUATION: "cyan",
    AgentState.DONE: "blue",
    AgentState.WAITING_APPROVAL: "yellow",
    AgentState.RATE_LIMITED: "magenta",
    AgentState.STUCK: "yellow",
    AgentState.IDLE: "yellow",
    AgentState.ESCALATED: "red",
    AgentState.RECYCLED: "bright_black",
}
FOR_SOMEBODY = (
    AgentState.ESCALATED,
    AgentState.WAITING_APPROVAL,
    AgentState.STUCK,
    AgentState.PENDING_EVALUATION,
)
"""States that wait for a person or the orchestrator."""

URGENT_FIRST = (
    *FOR_SOMEBODY,
    AgentState.RATE_LIMITED,
    AgentState.IDLE,
    AgentState.COMPLETE,
    AgentState.RUNNING,
    AgentState.DONE,
    AgentState.RECYCLED,
)
"""The end of a line may be cut."""

CHECK_MARKS = {"pass": "✓", "fail": "✗", "pending": "…", "unknown": "?"}
"""Marks for a pull request's checks at the last verification."""


def age(seconds: float) -> str:
    """``45s``, ``12m``, ``3h05``, ``2d``; a dash for never or the future."""
    if seconds < 0 or seconds > 1e9:
        return "-"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 1:
        return f"{int(seconds)}s"
    if hours < 1:
        return f"{minutes}m"
    return f"{hours}h{minutes % 60:02}" if hours < 48 else f"{hours // 24}d"


HELD = "paused"
"""Shown in place of the state of an agent that a person paused."""


def shown_state(agent: Agent) -> str:
    """The displayed state."""
    return HELD if agent.hold.reason and not agent.finished else str(agent.state)


def by_urgency(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Agents per state, those that may need somebody first."""
    return [(str(state), counts[state]) for state in (*URGENT_FIRST, HELD) if counts.get(state)]


UNREACHABLE = "unreachable"
"""Prefix in the command's place for an agent whose host is silent."""


def next_step(agents: Sequence[Agent], on_hosts: Sequence[Agent], watched: bool, active: bool, lacking: str) -> str:
    """The suggested next command; empty if there is nothing to do. ``watched``: a loop runs here; ``lacking``: a host
    without one."""
    here = [agent for agent in agents if not agent.finished]
    at_work = [*here, *(agent for agent in on_hosts if not agent.finished)]
    judged = [agent for agent in at_work if agent.state is AgentState.PENDING_EVALUATION]
    if not active and here:
        return f"{spelled('update-agent')} --top active=true starts the fleet again"
    if any(agent.state in (AgentState.ESCALATED, AgentState.WAITING_APPROVAL, AgentState.STUCK) for agent in at_work):
        return f"{spelled('heartbeat')} shows what waits for you, with the calls that may follow"
    if judged:
        return f"{spelled('evaluate')} {shell_word(judged[0].handle)} shows what it did"
    if here and not watched:
        return f"{spelled('run-loop')} --window: they are not monitored"
    if lacking:
        return f"{spelled('run-loop')} --window --host {lacking}: its agents are not monitored"
    if at_work:
        return f"{spelled('wait-event')} returns when something needs you"
    return ""


def in_order(agents: Sequence[Agent]) -> tuple[Agent, ...]:
    """Those that wait for somebody first, where a low screen shows them; recycled ones last; else in the given
    order."""
    places = dict.fromkeys(FOR_SOMEBODY, 0) | {AgentState.RECYCLED: 2}
    return tuple(sorted(agents, key=lambda agent: places.get(agent.state, 1)))


def in_state_for(agent: Agent, now: float) -> str:
    """How long the agent has been in its state."""
    since = max(agent.seen.since, agent.idle_since if agent.state is not AgentState.RUNNING else 0)
    if agent.hold.reason and not agent.finished:
        since = agent.hold.since
    elif agent.state is AgentState.ESCALATED:
        since = agent.escalation.at or since
    elif agent.state is AgentState.PENDING_EVALUATION:
        since = agent.verdict.since or since
    return age(now - (since or agent.spawned_at))


def steps(agent: Agent) -> str:
    """``2/3``: required steps with a checkpoint, of those required."""
    return f"{len(set(agent.steps) & set(agent.checkpoints))}/{len(set(agent.steps))}" if agent.steps else "-"


def pull(agent: Agent) -> str:
    """``#12 ✓``: the pull request, and its checks as last verified."""
    mark = CHECK_MARKS.get(agent.verdict.checks, "")
    return f"#{agent.pr_number} {mark}".rstrip() if agent.pr_number else "-"


def note(agent: Agent, now: float) -> str:
    """What to know beyond the state, else the agent's last message, else its objective."""
    if agent.escalation.reason:
        return agent.escalation.reason
    if agent.hold.reason:
        return agent.hold.reason
    if agent.seen.resets_at > now:
        why = f"; {agent.rescue.problem}" if agent.rescue.problem else ""
        return f"wakes in {age(agent.seen.resets_at - now)}{why}"
    if agent.seen.dialog:
        return f"{agent.seen.dialog} dialog"
    if agent.seen.denied and agent.seen.pane_state == PaneState.PROMPT:
        return f"its client's safety check denied: {agent.seen.denied}"
    if agent.seen.wakes_at > now and agent.seen.pane_state == PaneState.PROMPT:
        return f"its own alarm wakes it in {age(agent.seen.wakes_at - now)}"
    return agent.seen.said or agent.objective


def about(agent: Agent) -> list[str]:
    """What an agent needs to resume its task."""
    missing = [step for step in agent.steps if step not in agent.checkpoints]
    lines = [
        f"window: {sanitize(agent.window)}",
        f"worktree: {sanitize(agent.worktree_path)}",
        f"branch: {sanitize(agent.branch)}",
        f"pull request: {sanitize(agent.pr_number) or 'none'}",
        f"steps: {_names(agent.steps)}",
        f"checkpoints reached: {_names(agent.checkpoints)}",
        f"checkpoints missing: {_names(missing)}",
    ]
    if agent.task.image:
        lines.append(f"image: {sanitize(agent.task.image)}")
    return lines


def _names(names: Sequence[str]) -> str:
    return sanitize(" ".join(names)) or "none"
