"""Has tmux list or read the fleet's panes while the code that understands them is loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fleetscripts.adapters.tmux.pane_reading import (
    PANE_ID,
    FramesAndServer,
    PanesAndServer,
    begin_frames,
    begin_listing,
)
from fleetscripts.adapters.tmux.tmux_client import TmuxClient
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState


@dataclass(frozen=True, slots=True)
class PanesBegun:
    """A reading of these panes that tmux has begun. ``answer``: waits for it."""

    pane_ids: list[str]
    answer: Callable[[], FramesAndServer]


def looked_at(fleet: Fleet, only: Collection[str] | None = None) -> list[Agent]:
    """Every agent that is not recycled, or those with the panes in ``only``."""
    there = [agent for agent in fleet.agents if agent.state is not AgentState.RECYCLED]
    return [agent for agent in there if only is None or agent.pane_id in only]


def begin_listing_of(fleet: Fleet, settings: Settings) -> Callable[[], PanesAndServer]:
    """Have tmux list the panes that the record names; all of them where one has to be found by its window."""
    recorded = [(agent.pane_id, agent.state is AgentState.RECYCLED) for agent in fleet.agents]
    if fleet.loop_window:
        recorded.append((fleet.loop_pane_id, False))
    if not recorded:
        return lambda: ([], None)
    by_window = any(not pane_id and not recycled for pane_id, recycled in recorded)
    return begin_listing(client_of(settings), None if by_window else {pane_id for pane_id, _ in recorded})


def client_of(settings: Settings) -> TmuxClient:
    """What asks the fleet's server."""
    return TmuxClient(settings.tmux_socket or None)


def begin_panes(client: TmuxClient, pane_ids: Sequence[str]) -> PanesBegun | None:
    """Have tmux begin; None where there is no pane, or one has to be found by its window."""
    if not pane_ids or not all(pane_ids):
        return None
    wanted = [pane_id for pane_id in dict.fromkeys(pane_ids) if PANE_ID.fullmatch(pane_id)]
    return PanesBegun(list(pane_ids), begin_frames(client, wanted, styled=True))
