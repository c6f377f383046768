"""Has tmux read the fleet's panes while the code that understands them is loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fleetscripts.adapters.tmux.pane_reading import PANE_ID, FramesAndServer, begin_frames
from fleetscripts.adapters.tmux.tmux import Tmux
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


def begin_panes(tmux: Tmux, pane_ids: Sequence[str]) -> PanesBegun | None:
    """Have tmux begin; None where there is no pane, or one has to be found by its window."""
    if not pane_ids or not all(pane_ids):
        return None
    wanted = [pane_id for pane_id in dict.fromkeys(pane_ids) if PANE_ID.fullmatch(pane_id)]
    return PanesBegun(list(pane_ids), begin_frames(tmux.client, wanted, styled=True))
