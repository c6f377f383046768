"""Panes outside the fleet: clients started by hand, and windows whose client has ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.tmux.pane_marks import mark_mine, marked_mine
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.review import Item
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, PaneFacts, PaneState, ServerId
from fleetscripts.services.observe.observe import observe
from fleetscripts.services.own_pane import own_pane


def unmanaged_panes(tmux: Tmux, settings: Settings, fleet: Fleet, environ: Mapping[str, str], now: float) -> list[Item]:
    """Every pane of every session not reviewed yet; not our own, nor the loop's, nor those marked as a person's own."""
    server = tmux.server()
    if server is None:
        return []
    known = known_panes(fleet, server) | {own_pane(environ, server)} | marked_mine(tmux)
    unknown = [pane for pane in tmux.panes() if pane.pane_id not in known]
    dead = [_dead(pane) for pane in unknown if pane.dead]
    alive = [pane.pane_id for pane in unknown if not pane.dead]
    found = observe(tmux, settings, fleet, now, alive, styled=True, server=server) if alive else []
    return [*(item for one in found for item in _of(one)), *dead]


def keep_out(tmux: Tmux, fleet: Fleet, pane: PaneFacts) -> str:
    """Mark this pane as the person's own and stop reporting it; in words."""
    server = tmux.require_server()
    if pane.pane_id in known_panes(fleet, server):
        raise Refusal(f"{pane.window} is an agent of the fleet, or its loop: it stays under review")
    mark_mine(tmux, pane.pane_id)
    return f"{pane.window} is yours: {spelled('heartbeat')} says no more of it"


def known_panes(fleet: Fleet, server: ServerId) -> set[str]:
    """Panes of agents in the state file, and the loop's."""
    agents = {agent.pane_on(server) or "" for agent in fleet.agents if agent.state is not AgentState.RECYCLED}
    return agents | ({fleet.loop_pane_id} if fleet.loop_tmux_server == server else set())


def _dead(pane: PaneFacts) -> Item:
    what = "its program has ended, the pane is dead"
    return Item("dead_pane", pane.window, what, _mine(pane), pane.pane_id)


def _mine(pane: PaneFacts) -> tuple[str]:
    """The command that marks a window as none of the fleet's business."""
    return (f"{spelled('heartbeat')} --mine {pane.pane_id}",)


def _of(found: Observation) -> Iterator[Item]:
    facts, said = found.frame.facts, found.classification
    if found.client is not None and found.kind:
        state = f"{said.dialog} dialog" if said.dialog else str(said.state)
        what = f"runs {found.kind} ({state}) and is not in the state file"
        about = {"folder": sanitize(found.client.cwd), "name": sanitize(facts.window_name)}
        calls = (f"{spelled('adopt-agent')} {facts.pane_id}", *_mine(facts))
        yield Item("not_in_the_fleet", facts.window, what, calls, facts.pane_id, about)
    elif said.state is PaneState.IDLE and (left := _left(found)):
        what = f"a client has ended here and left its conversation {left}"
        about = {"folder": sanitize(facts.path), "branch": sanitize(_branch(Path(facts.path)))}
        yield Item("ended_client", facts.window, what, _mine(facts), facts.pane_id, about)


def _left(found: Observation) -> str:
    """The conversation that a client named last as it ended; empty if none."""
    hints = [re.compile(kind.resume_hint) for kind in known_kinds() if kind.resume_hint]
    lines = [sanitize(line) for line in found.frame.lines]
    named = [match["session"] for line in lines for hint in hints if (match := hint.search(line))]
    return named[-1] if named else ""


def _branch(folder: Path) -> str:
    return Git(folder).branch() or "none" if folder.is_dir() else "none"
