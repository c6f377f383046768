"""Starts agents for waiting tasks, by priority and order, as long as there are spare worktrees."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings, in_home
from fleetscripts.core.planning.task_plan import PAUSING, READY
from fleetscripts.core.records.own_session import session_of
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.records.task_file import TaskFile
from fleetscripts.core.spending.ceiling import Ceiling
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, NotYet, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.services.clients.sessions import require_session, session_meant
from fleetscripts.services.spawning.hand_over import hand_over
from fleetscripts.services.spawning.spawn import SpawnResult, spawn
from fleetscripts.services.spawning.spawn_request import Request, checked
from fleetscripts.services.spending.ceiling import ceiling_over
from fleetscripts.services.tasks.tasks import (
    archive_finished,
    choosing,
    claim_key,
    claims,
    folder,
    forget_failure,
    note_failure,
    survey,
)
from fleetscripts.services.verification.review_gate import too_much_unreviewed
from fleetscripts.services.worktrees.new_spares import room_for_more
from fleetscripts.services.worktrees.room import least_room, refuse_without_room
from fleetscripts.services.worktrees.spares import fleet_now, free, settle_left
from fleetscripts.services.worktrees.spares import survey as worktrees_of

WRITING_SECONDS = 2.0
"""A file that changed this recently may be incomplete."""


@dataclass(frozen=True, slots=True)
class DispatchTarget:
    """Where agents are started. Empty: the fleet's session, and the repository of the settings or of the agents."""

    session: str = ""
    repo: str = ""
    again: bool = False
    """Also tasks that failed to start a moment ago, or whose file was just written: a person asks."""


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """What was done, a line each, and the agents that were started."""

    lines: tuple[str, ...]
    begun: tuple[Agent, ...] = ()


def dispatch(
    settings: Settings,
    environ: Mapping[str, str],
    now: float,
    limit: int | None = None,
    where: DispatchTarget = DispatchTarget(),
    stop: Callable[[], bool] = lambda: False,
    start: Callable[..., SpawnResult] = spawn,
) -> DispatchReport:
    """Archive what is finished and start agents for what is ready, at most ``limit``. Never one task twice, whoever
    else dispatches at the same time. A task that cannot be started holds none of the others back."""
    if not fleet_now(settings).active:
        return DispatchReport(("the fleet is stopped (active is false): no task is started",))
    least_room(settings)
    lines = _archived(settings, now)
    lines += survey(settings, now).problems
    lines += settle_left(settings)
    ceiling = ceiling_over(settings, fleet_now(settings), now)
    reached = ceiling.reached(None)
    if why := f"no task is started: {reached.words}" if reached is not None else too_much_unreviewed(settings):
        return DispatchReport(tuple(sanitize(line) for line in (*lines, why)))
    round_ = _Round(settings, environ, where, ceiling, start)
    while (limit is None or len(round_.begun) < limit) and not stop():
        line = round_.next()
        if line is None:
            break
        lines += [line] if line else []
    most = None if limit is None else limit - len(round_.begun)
    given = hand_over(settings, round_.left, now, most)
    said = tuple(sanitize(line) for line in (*lines, *round_.waiting(), *given))
    return DispatchReport(said, tuple(round_.begun))


@dataclass
class _Round:
    """One call: tasks tried, repositories without spares, and tasks that wait for budget."""

    settings: Settings
    environ: Mapping[str, str]
    where: DispatchTarget
    ceiling: Ceiling
    start: Callable[..., SpawnResult]
    begun: list[Agent] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    full: dict[Path, list[str]] = field(default_factory=dict)
    walled: dict[str, list[str]] = field(default_factory=dict)
    left: list[TaskFile] = field(default_factory=list)
    """Tasks without a free worktree here."""

    def next(self) -> str | None:
        """Start one task; None if none is left to try, nothing if it has to wait."""
        with choosing(self.settings):
            task = self._choose()
            if task is not None:
                claims(self.settings).write(claim_key(self.settings, task.name), "")
        if task is None:
            return None
        self.tried.add(task.name)
        try:
            return self._begin(task)
        except NotYet as wait:
            self.walled.setdefault(str(wait), []).append(f"{task.name}: {wait}")
            return ""
        finally:
            claims(self.settings).drop(claim_key(self.settings, task.name))

    def _choose(self) -> TaskFile | None:
        wanted: Collection[str] = (READY, PAUSING) if self.where.again else (READY,)
        for one in survey(self.settings, time.time()).standings:
            if one.state not in wanted or one.task.name in self.tried or self._being_written(one.task.name):
                continue
            if (reached := self.ceiling.reached(None, one.task.name)) is not None:
                self.tried.add(one.task.name)
                self.walled.setdefault(one.task.name, []).append(f"{one.task.name}: {reached.words}")
                continue
            repo = self._repo(one.task)
            if isinstance(repo, Path) and self._has_spare(repo):
                return one.task
            self.tried.add(one.task.name)
            self.left.append(one.task)
            why = f"{repo} has no spare worktree" if isinstance(repo, Path) else repo
            self.full.setdefault(repo if isinstance(repo, Path) else Path(), []).append(f"{one.task.name}: {why}")
        return None

    def _being_written(self, name: str) -> bool:
        """Whether the file may be incomplete; the next round decides."""
        ago = time.time() - folder(self.settings).changed_at(name)
        return not self.where.again and 0 <= ago < WRITING_SECONDS

    def _has_spare(self, repo: Path) -> bool:
        if repo in self.full:
            return False
        try:
            return bool(free(worktrees_of(repo, self.settings))) or room_for_more(repo, self.settings)
        except FleetError:
            return True  # spawning says what is wrong

    def _repo(self, task: TaskFile) -> Path | str:
        """The repository whose spares are used; or why there is none."""
        named = task.repo or self.where.repo or self.settings.tasks_repo
        if named:
            path = in_home(named, self.settings.home)
            return path if path.is_absolute() else "expected an absolute path (or ~/…) as its repo"
        agents = fleet_now(self.settings).agents
        known = next((agent for agent in reversed(agents) if agent.worktree_path), None)
        place = _main_folder(known) if known is not None else Path()
        if known is not None and place.is_dir():
            return place
        return "no repository is known: say repo in the task, tasks_repo in the configuration, or --repo"

    def _begin(self, task: TaskFile) -> str:
        fleet = fleet_now(self.settings)
        session, repo = self.where.session or session_of(fleet), self._repo(task)
        try:
            if not session:
                raise Refusal("no tmux session is known: give --session NAME")
            session = session_meant(Tmux(self.settings.tmux_socket), fleet, session)
            self._wait_for(session)
            if isinstance(repo, Path):
                self._wait_for_room(repo)
            request = Request(
                session=session,
                branch=task.branch_at(time.time()),
                objective=task.objective,
                repo=repo if isinstance(repo, Path) else Path(),
                pr_number=task.pr_number,
                steps=task.steps,
                agent=task.agent,
                task=task.name,
            )
            spawned = self.start(self.settings, _known(self.settings, fleet), self.environ, checked(request))
        except NotYet:
            raise
        except FleetError as error:
            if isinstance(repo, Path) and not self._has_spare(repo):
                return f"{task.name}: {repo} has no spare worktree any more"
            note_failure(self.settings, task.name, str(error), time.time())
            return f"{task.name}: could not be started: {error}"
        self.begun.append(spawned.agent)
        forget_failure(self.settings, task.name)
        return f"{task.name}: begun in {spawned.agent.window}, {spawned.agent.worktree} on {spawned.agent.branch}"

    def _wait_for(self, session: str) -> None:
        """A missing session is no failure of the task: it starts as soon as there is one."""
        try:
            require_session(Tmux(self.settings.tmux_socket), session)
        except Refusal as missing:
            raise NotYet(str(missing)) from missing

    def _wait_for_room(self, repo: Path) -> None:
        """Nor is a machine without memory or disk for another agent."""
        try:
            refuse_without_room(self.settings, repo)
        except Refusal as lacking:
            raise NotYet(str(lacking)) from lacking

    def waiting(self) -> Iterator[str]:
        """Ready tasks that had to be left."""
        for lines in (*self.full.values(), *self.walled.values()):
            yield from lines[:1]
            if len(lines) > 1:
                yield f"and {len(lines) - 1} more task{'s' * (len(lines) > 2)} for the same reason"


def _archived(settings: Settings, now: float) -> list[str]:
    """What was archived; a file that cannot be moved holds no other task back."""
    try:
        return archive_finished(settings, now)
    except FleetError as error:
        return [f"finished tasks cannot be archived: {error}"]


def _main_folder(agent: Agent) -> Path:
    """The agent's recorded repository, whatever its worktree's .git says by now."""
    return Path(agent.worktree_path if agent.repository is None else agent.repository.main_folder)


def _known(settings: Settings, fleet: Fleet) -> Fleet | None:
    return fleet if Store(settings.state_file).target.exists() else None
