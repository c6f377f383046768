"""Resolves a handle to an agent, and names one for people. A window's number moves: it counts only while record and
tmux mean the same pane."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, PaneFacts, ServerId
from fleetscripts.pattern import pattern

_PLACE = pattern(r"%\d+|@\d+|[^\x00-\x1f]*:\d+")


def with_work(agent: Agent) -> str:
    """Its place and what it works in or on, for people: ``fleet:3 (worktree-2)``."""
    work = agent.worktree or agent.branch
    return f"{agent.window} ({work})" if work else agent.window


def is_place(target: str) -> bool:
    """Whether it names a place on a tmux server, where another agent may be by now, and not an agent itself."""
    return bool(_PLACE.fullmatch(target))


def meant(
    fleet: Fleet, target: str, shown: Sequence[PaneFacts], server: ServerId | None, alive: Collection[str]
) -> Agent | None:
    """The agent in that place; None if there is none. ``shown``: the panes that tmux has there now, ``alive``: the ids
    of all that it has.

    Refusal, with both named, if the record and tmux differ, or if the number was another agent's before windows were
    renumbered."""
    recorded = fleet.agent_for(target)
    there = {pane.pane_id for pane in shown}
    holders = [agent for agent in _at_work(fleet) if agent.pane_on(server) in there]
    if recorded is None or (recorded.state is AgentState.RECYCLED and holders):
        if recorded is not None:
            raise Refusal(_differ(target, recorded, holders[0], shown))
        return _only(target, holders)
    if recorded.state is AgentState.RECYCLED:
        return recorded
    if recorded.pane_on(server) in there and there:
        return _unmoved(fleet, target, recorded)
    if recorded.handle == target and not holders:
        return recorded
    if (recorded.pane_id and (there or recorded.pane_on(server) in alive)) or (holders and recorded not in holders):
        raise Refusal(_differ(target, recorded, holders[0] if holders else None, shown))
    return recorded


def refuse_held(fleet: Fleet, agent: Agent, edited: Agent, shown: Sequence[PaneFacts], server: ServerId | None) -> None:
    """Refuse to move an agent's record to a place that another record has."""
    there = {pane.pane_id for pane in shown}
    for other in _at_work(fleet):
        same_window = not other.pane_on(server) and other.window == edited.window
        if other is not agent and (same_window or other.pane_on(server) in there):
            raise Refusal(f"{edited.pane_id or edited.window} is where {other.handle} works: give another place")


def _at_work(fleet: Fleet) -> list[Agent]:
    return [agent for agent in fleet.agents if agent.state is not AgentState.RECYCLED]


def _only(target: str, holders: Sequence[Agent]) -> Agent | None:
    if len(holders) > 1:
        names = ", ".join(agent.handle for agent in holders)
        raise Refusal(f"{target} holds {len(holders)} agents ({names}): say which by its worktree's name")
    return holders[0] if holders else None


def _unmoved(fleet: Fleet, target: str, agent: Agent) -> Agent:
    """The agent, unless it was renumbered to this window and the number was another agent's."""
    if not agent.earlier_windows:
        return agent
    for other in reversed(fleet.agents):
        if other is not agent and target in (other.window, *other.earlier_windows):
            raise Refusal(
                f"{target} was {other.handle} and is {agent.handle} since tmux renumbered its windows:"
                f" say which by its worktree's name"
            )
    return agent


def _differ(target: str, recorded: Agent, holder: Agent | None, shown: Sequence[PaneFacts]) -> str:
    """Both sides in words, and what to run instead."""
    if holder is not None:
        found = holder.handle
    elif shown:
        found = f"pane {shown[0].pane_id} ({shown[0].command or 'nothing'})"
    else:
        found = "nothing there"
    return (
        f"{target} is {recorded.handle} in the record, and tmux shows {found}:"
        f" say {recorded.handle}{f' or {holder.handle}' if holder is not None and holder != recorded else ''} instead"
    )
