"""Finds worktrees after ``git worktree move``, by their git folders, which do not move."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.system.processes import environment, read_processes, working_directory
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.config import Settings
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState

LARGEST_BYTES = 1 << 16
"""A path and a word; a larger file is not git's."""


def follow_moved(store: Store, settings: Settings, fleet: Fleet) -> tuple[Fleet, list[str]]:
    """The fleet with each moved worktree at its new path, written and recorded; returns the moves, in words."""
    found = moves(fleet)
    if not found:
        return fleet, []

    def change(current: Fleet) -> Fleet:
        for agent, place in found:
            current = current.change(agent, worktree_path=str(place))
        return current

    after = store.update(change)
    said = [move_said(agent, place) for agent, place in found]
    for words in said:
        Journal(settings.journal_file).write("worktree-moved", why=words)
    return after, said


def move_said(agent: Agent, place: Path) -> str:
    """One move, for people."""
    return f"{agent.handle}: its worktree was moved from {agent.worktree_path} to {place}"


def moves(fleet: Fleet) -> list[tuple[Agent, Path]]:
    """Agents whose worktree is not at its recorded path, with its new one. Cheap if none has moved."""
    at_work = [agent for agent in fleet.agents if agent.worktree_path and agent.state is not AgentState.RECYCLED]
    gone = [agent for agent in at_work if not os.path.lexists(agent.worktree_path)]
    if not gone:
        return []
    taken = {os.path.realpath(agent.worktree_path) for agent in at_work}
    folders = _folders_by_pane() if any(agent.repository is None for agent in gone) else {}
    found = [(agent, _where(agent, folders)) for agent in gone]
    return [(agent, place) for agent, place in found if place is not None and str(place) not in taken]


Pane = tuple[str, str]
"""``TMUX`` up to the server's process, and ``TMUX_PANE``, as in an environment."""


def _where(agent: Agent, folders: Mapping[Pane, frozenset[str]]) -> Path | None:
    """Its path by git; for a record without git's folder, where its client's folder has moved."""
    if agent.repository is not None:
        return _named_by(Path(agent.repository.git_dir))
    if agent.tmux_server is None or not agent.pane_id:
        return None
    begins = f"{agent.tmux_server.socket},{agent.tmux_server.pid}"
    own = {folder for folder in folders.get((begins, agent.pane_id), ()) if Path(folder).is_dir()}
    tops = {Git(Path(folder)).maybe("rev-parse", "--show-toplevel") for folder in own} - {None, ""}
    fitting = [Path(os.path.realpath(top)) for top in tops if top and Git.in_worktree(top).branch() == agent.branch]
    return fitting[0] if len(fitting) == 1 and (fitting[0] / ".git").is_file() else None


def _folders_by_pane() -> dict[Pane, frozenset[str]]:
    """The working folders of each pane's processes, by their environment. Every process is asked once."""
    found: dict[Pane, set[str]] = {}
    for pid in read_processes().by_pid:
        told = environment(pid, frozenset({"TMUX", "TMUX_PANE"}))
        pane, folder = told.get("TMUX_PANE"), working_directory(pid) if "TMUX_PANE" in told else None
        if pane and folder:
            found.setdefault((told.get("TMUX", "").rpartition(",")[0], pane), set()).add(folder)
    return {key: frozenset(folders) for key, folders in found.items()}


def _named_by(git_folder: Path) -> Path | None:
    """The worktree named by git's folder, if it names that folder in turn."""
    try:
        place = Path(os.fsdecode(read_regular(git_folder / "gitdir", LARGEST_BYTES)).strip()).parent
        back = os.fsdecode(read_regular(place / ".git", LARGEST_BYTES)).strip().removeprefix("gitdir: ")
    except (OSError, ValueError):
        return None
    same = os.path.realpath(place / back) == os.path.realpath(git_folder)
    return Path(os.path.realpath(place)) if same and place.is_absolute() else None
