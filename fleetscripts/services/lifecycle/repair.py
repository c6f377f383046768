"""Repairs the state file: reads tmux, processes and git, then writes all repairs at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.records.files import replace_file
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.records.store import LOCK_TIMEOUT_SECONDS, StateDamaged, StateMissing, Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.records.repair import GONE, Reality, Report, mended
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.observe.conversations import open_conversations
from fleetscripts.services.observe.servers import runs
from fleetscripts.services.worktrees.moved import follow_moved, move_said, moves

LOOKS = 5
"""A fleet that is being spawned or restored changes once a second or so; a look takes a tenth of that."""


@dataclass(frozen=True, slots=True)
class Backup:
    """The last good copy beside a state file."""

    path: Path
    agents: int
    written_at: float

    @property
    def words(self) -> str:
        """Its content in words, for a person who has to choose."""
        moment = datetime.fromtimestamp(self.written_at).astimezone()
        return f"{self.path} ({self.agents} agents, of {moment:%Y-%m-%d %H:%M:%S})"


def reality_of(settings: Settings, fleet: Fleet) -> Reality:
    """Panes, live conversations and worktrees as they are now."""
    now = time.time()
    panes, server = Tmux(settings.tmux_socket).panes_and_server()
    conversations = open_conversations(settings, panes, now)
    homes = {session_id: known.pane for session_id, known in conversations.items() if known.pane is not None}
    paths = {agent.worktree_path for agent in fleet.agents if agent.worktree_path}
    others = {agent.tmux_server for agent in fleet.agents if agent.tmux_server not in (None, server)}
    unseen = frozenset(other for other in others if other is not None and runs(other, server))
    return Reality(now, server, panes, homes, {path: _branch(path) for path in paths}, unseen)


def repair(
    settings: Settings, fleet: Fleet, dry_run: bool, look: Callable[[Settings, Fleet], Reality] = reality_of
) -> Report:
    """What had to be repaired; written, and recorded in the journal, unless ``dry_run``."""
    if dry_run:
        found = moves(fleet)
        for agent, place in found:
            fleet = fleet.change(agent, worktree_path=str(place))
        dry = mended(fleet, look(settings, fleet))
        dry.repairs[:0] = [move_said(agent, place) for agent, place in found]
        return dry
    followed = follow_moved(Store(settings.state_file), settings, fleet)[1]
    for _ in range(LOOKS):
        if (report := _mended_now(settings, look)) is not None:
            break
    else:
        raise FleetError(f"the state file changed during each of {LOOKS} looks: nothing was repaired; call again")
    for words in report.repairs:
        Journal(settings.journal_file).write("repaired", why=words)
    report.repairs[:0] = followed
    return report


def _mended_now(settings: Settings, look: Callable[[Settings, Fleet], Reality]) -> Report | None:
    """One look and one write; None, and nothing written, if agents came or moved in between."""
    store = Store(settings.state_file)
    before = store.read()
    reality = look(settings, before)
    reports: list[Report] = []

    def change(current: Fleet) -> Fleet:
        if _standing(current) != _standing(before):
            return current
        reports.append(mended(current, reality))
        return reports[-1].fleet

    store.update(change)
    return reports[-1] if reports else None


def _standing(fleet: Fleet) -> list[tuple[object, ...]]:
    """What a look at reality is compared with, without the agents' progress."""
    agents = [
        (agent.key, agent.window, agent.pane_id, agent.tmux_server, agent.session_id, agent.worktree_path, agent.branch,
         agent.state is AgentState.RECYCLED)
        for agent in fleet.agents
    ]  # fmt: skip
    return [*agents, (fleet.loop_window, fleet.loop_pane_id, fleet.supervisor_window)]


def backup_of(store: Store) -> Backup | None:
    """The last good copy; None if there is none, or it is no valid fleet."""
    copy = Store(store.backup)
    try:
        return Backup(copy.path, len(copy.read().agents), copy.path.stat().st_mtime)
    except (FleetError, OSError):
        return None


def put_back(store: Store) -> tuple[Backup, Path | None]:
    """Put the last good copy in place of a damaged or missing file, which is kept under another name."""
    with hold(store.target.with_name(store.target.name + ".lock"), LOCK_TIMEOUT_SECONDS):
        try:
            store.read()
        except (StateDamaged, StateMissing):
            pass
        else:
            raise Refusal(f"the state file {store.path} is whole: nothing was put back")
        backup = backup_of(store)
        if backup is None:
            raise FleetError(f"there is no good copy of {store.path} beside it")
        aside = store.target.with_name(f"{store.target.name}.damaged-{time.time_ns()}")
        there = store.target.exists()
        content = backup.path.read_bytes()
        try:
            if there:
                store.target.rename(aside)
            replace_file(store.target, content)
        except OSError as error:
            raise FleetError(f"cannot put {backup.path} in place: {error.strerror}") from error
    return backup, aside if there else None


def _branch(path: str) -> str | None:
    """The worktree's branch; GONE if it no longer exists."""
    if not Path(path).is_dir():
        return GONE
    try:
        return Git.in_worktree(path).branch()
    except FleetError:
        return None
