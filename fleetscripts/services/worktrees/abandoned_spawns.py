"""Makes worktrees spare again that a killed spawn or integration has left on another commit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.changes import changed_paths
from fleetscripts.adapters.git.claims import Claim, ClaimBook
from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.system.processes import read_processes, working_in
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.worktrees import branching
from fleetscripts.services.worktrees.logged_command import end_abandoned
from fleetscripts.services.worktrees.start_points import StartPoint

INTEGRATED = "integrated"
"""A claim's name for the commit that an integration has put its worktree on."""


def note_integration(settings: Settings, path: Path, spare_branch: str, commit: str, group: Mapping[str, Any]) -> None:
    """Note on its claim what is tried in a spare worktree, for whoever finds it after a crash."""
    _book(settings).write(str(path), spare_branch, {INTEGRATED: commit, "set_up": group})


@dataclass(frozen=True, slots=True)
class SpawnNote:
    """A spawn's intent for a worktree, noted on its claim for whoever finds it after a crash."""

    settings: Settings
    path: Path
    spare_branch: str
    branch: str
    start: StartPoint

    def note(self, set_up: Mapping[str, Any] | None = None) -> None:
        """``set_up``: the group of a command that sets the worktree up."""
        begun = {"branch": self.branch, "start": self.start.commit, "existing": self.start.existing}
        _book(self.settings).write(str(self.path), self.spare_branch, {**begun, "set_up": set_up or {}})


def put_back(settings: Settings, fleet: Fleet) -> list[str]:
    """Put each of them back on its spare branch, in words; the caller holds the lock of all claims.

    Only if it is as the spawn left it: a worktree with a recorded agent, a pane, or a change or commit by anybody
    stays. ``capacity`` reports that, and ``heartbeat`` the pane."""
    return [_put_back(settings, claim) for claim in _left(settings, fleet)]


def _left(settings: Settings, fleet: Fleet) -> list[Claim]:
    at_work = [agent for agent in fleet.agents if agent.worktree_path and agent.state is not AgentState.RECYCLED]
    agents = {os.path.realpath(agent.worktree_path) for agent in at_work}
    panes = [Path(os.path.realpath(pane.path)) for pane in Tmux(settings.tmux_socket).panes() if pane.path]
    return [
        claim
        for claim in _book(settings).read()
        if not claim.alive and claim.begun and claim.path not in agents and _as_it_was_left(claim, panes)
    ]


def _as_it_was_left(claim: Claim, panes: Sequence[Path]) -> bool:
    group = claim.begun.get("set_up")
    end_abandoned(group if isinstance(group, Mapping) else {})
    if any(pane.is_relative_to(claim.path) for pane in panes) or working_in(Path(claim.path), read_processes()):
        return False
    try:
        git = Git.in_worktree(claim.path)
        place = (git.branch(), git.maybe("rev-parse", "HEAD"))
        if INTEGRATED in claim.begun:
            return place[0] == claim.spare_branch or place == (None, claim.begun[INTEGRATED])
        return place == (claim.begun.get("branch"), claim.begun.get("start")) and not changed_paths(git)
    except FleetError:
        return False


def _put_back(settings: Settings, claim: Claim) -> str:
    """A command's files from a trial merge are kept under a ref."""
    integrated = claim.begun.get(INTEGRATED)
    who = "an integration" if integrated else "a spawn"
    start = StartPoint(str(integrated or claim.begun["start"]), bool(integrated or claim.begun.get("existing")))
    try:
        kept = branching.put_back(
            Path(claim.path), claim.spare_branch, str(claim.begun.get("branch", INTEGRATED)), start
        )
    except FleetError as error:
        return f"{claim.path} was left half-way by {who}, and cannot be made spare again: {error}"
    _book(settings).drop(claim.path)
    said = f"{claim.path} was left half-way by {who}: on {claim.spare_branch} again"
    said += f", what was changed there is kept under {kept}" if kept else ""
    event = "integration-undone" if integrated else "spawn-undone"
    Journal(settings.journal_file).write(event, why="its process was killed", outcome=said)
    return said


def _book(settings: Settings) -> ClaimBook:
    return ClaimBook(settings.fleet_home / "claims")
