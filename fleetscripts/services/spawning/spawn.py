"""Starts an agent: branch, window, client, briefing, record. On failure, all of it is rolled back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.remotes import recorded_remote
from fleetscripts.adapters.records.images import forget_image, keep_image
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.agents.kinds import AgentKind, kind_named
from fleetscripts.config import Settings
from fleetscripts.core.records.own_session import with_session_of
from fleetscripts.core.reports.state_lines import state_line
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import AgentState, PaneFacts
from fleetscripts.record import LastLook, Notices, Task
from fleetscripts.services.actions.resume_spawn import intent_of
from fleetscripts.services.briefing.briefing import Brief, briefing, review_briefing
from fleetscripts.services.clients.client_start import client_start
from fleetscripts.services.clients.closing import PaneToClose, close
from fleetscripts.services.clients.launch import open_window
from fleetscripts.services.clients.left_running import end_own
from fleetscripts.services.clients.readiness import at_prompt
from fleetscripts.services.clients.sessions import require_session, session_meant
from fleetscripts.services.context import start_again
from fleetscripts.services.pulls.verify_github import PullAtStart, beginning
from fleetscripts.services.spawning.spawn_account import account_for
from fleetscripts.services.spawning.spawn_request import Request
from fleetscripts.services.spending.ceiling import ceiling_over, refuse_at_cap
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import PaneIO, open_pane_io
from fleetscripts.services.typing.receipt import Receipt
from fleetscripts.services.worktrees import branching
from fleetscripts.services.worktrees.abandoned_spawns import SpawnNote
from fleetscripts.services.worktrees.branching import NotCheckedOut, check_out
from fleetscripts.services.worktrees.new_spares import claim_or_make
from fleetscripts.services.worktrees.room import refuse_without_room, unlimited_note
from fleetscripts.services.worktrees.set_up import preparation
from fleetscripts.services.worktrees.spares import Spare, claim, free, survey
from fleetscripts.services.worktrees.start_points import StartPoint, checked_name, start_point
from fleetscripts.services.worktrees.undo import UndoStack, coded, step, undisturbed


@dataclass(frozen=True, slots=True)
class SpawnResult:
    """The new record; ``notes`` are for stderr."""

    agent: Agent
    notes: tuple[str, ...] = ()


def spawn(
    settings: Settings,
    fleet: Fleet | None,
    environ: Mapping[str, str],
    request: Request,
    send: Callable[..., Receipt] = deliver,
) -> SpawnResult:
    """Start the agent and return once its briefing is known to be submitted."""
    with step("budget"):
        refuse_at_cap(ceiling_over(settings, fleet or Fleet(), time.time()), None, request.task)
    with step("room"):
        refuse_without_room(settings, request.path or request.repo)
    account, note = account_for(settings, environ, request)
    kind = kind_named(account.agent if account is not None else request.agent or DEFAULT_KIND)
    tmux = Tmux(settings.tmux_socket)
    with step("tmux session"):
        request = replace(request, session=session_meant(tmux, fleet, request.session))
        require_session(tmux, request.session)
    with step("client"):
        name = account.name if account is not None else ""
        client_start(settings, environ, kind, Path(), "", account=name, reads_only=request.review is not None)
    passed: list[Path] = []
    notes: list[str] = [note] if note else []
    while True:
        with _claimed(request, settings, passed, notes) as spare:
            undo = UndoStack()
            try:
                name = account.name if account is not None else ""
                return _Spawn(settings, fleet, environ, request, kind, tmux, spare, undo, name, notes, send).run()
            except BaseException as error:
                said = undo.run()
                if _another_may_do(error, request, settings, [*passed, spare.path]):
                    passed.append(spare.path)
                    notes.append(f"{spare.path.name} was passed over: {'; '.join([str(error), *said])}")
                    continue
                if said and isinstance(error, FleetError):
                    raise coded("; ".join([str(error), *said]), error, stuck=undo.stuck) from error
                raise


def _another_may_do(error: BaseException, request: Request, settings: Settings, passed: Collection[Path]) -> bool:
    """Whether it failed only in this worktree, and another is free."""
    if request.path is not None or not isinstance(error.__cause__, NotCheckedOut):
        return False
    return any(Path(place.worktree.path) not in passed for place in free(survey(request.repo, settings)))


@contextmanager
def _claimed(request: Request, settings: Settings, passed: Collection[Path], notes: list[str]) -> Iterator[Spare]:
    with ExitStack() as held:
        with step("spare worktree"):
            spare = _taken(held, request, settings, passed, notes)
        yield spare


def _taken(held: ExitStack, request: Request, settings: Settings, passed: Collection[Path], notes: list[str]) -> Spare:
    """The given spare, or the next one."""
    if request.path is not None:
        return held.enter_context(claim(request.path, request.spare_branch, settings))
    return claim_or_make(held, request.repo, settings, notes, passed)


@dataclass
class _Spawn:
    """One spawn in progress; every step with effects has put its undoing on ``undo``."""

    settings: Settings
    fleet: Fleet | None
    environ: Mapping[str, str]
    request: Request
    kind: AgentKind
    tmux: Tmux
    spare: Spare
    undo: UndoStack
    account: str = ""
    notes: Sequence[str] = ()
    send: Callable[..., Receipt] = deliver
    begun: Agent | None = None
    began: float = field(default_factory=time.time)

    def run(self) -> SpawnResult:
        with step("state file"):
            self._prepare_state()
        with step("image"):
            self._keep_image()
        self.undo.add(self._forget)
        request, folder = self.request, self.spare.path
        with step("branch"):
            checked_name(request.branch, folder)
            start = start_point(folder, request.branch, request.base, self.settings)
        with step("briefing"):
            began = self._pull_request()
            text = self._briefing(began)
        with step("branch"):
            claim_note = SpawnNote(self.settings, folder, self.spare.branch, request.branch, start)
            claim_note.note()
            self.undo.add(branching.put_back, folder, self.spare.branch, request.branch, start)
            checked_out = check_out(folder, request.branch, start)
        with step("set-up"):
            prepared = preparation(self.settings, self.environ, folder)
            set_up = prepared.set_up(claim_note.note) if prepared is not None else []
        with step("window"):
            session_id = str(uuid.uuid4()) if self.kind.takes_session_id else ""
            command = client_start(
                self.settings, self.environ, self.kind, folder, session_id, name=request.branch, account=self.account,
                reads_only=request.review is not None,
            )  # fmt: skip
            pane_io = open_pane_io(self.settings, self.fleet, self.tmux)
            with undisturbed():
                facts = open_window(self.tmux, request.session, folder.name, command)
                self.undo.add(self._close, PaneToClose(pane_io.server, facts))
        with step("record"):
            agent = self._begin(pane_io, facts, start, session_id, text)
        with step("start of the client"):
            at_prompt(pane_io, self.settings, facts.pane_id, folder)
        with step("briefing"):
            self.send(pane_io, facts.pane_id, text, why="briefing")
        with step("record"):
            agent = self._record(pane_io, agent)
        Journal(self.settings.journal_file).write("spawned", **state_line(agent))
        pull, limit = began.keep(agent, self.settings), unlimited_note(self.settings, facts.pid)
        notes = (*self.notes, start.note, checked_out, *set_up, pull, limit, self._stopped_note())
        return SpawnResult(agent, tuple(note for note in notes if note))

    def _keep_image(self) -> None:
        """The image where the agent, and a later re-brief, finds it."""
        source = self.request.image
        if source:
            kept = keep_image(source, time.time())
            self.undo.add(forget_image, kept, source)
            self.request = replace(self.request, image=kept)

    def _stopped_note(self) -> str:
        stopped = self.fleet is not None and not self.fleet.active
        return f"the fleet is stopped, this agent is not monitored: {start_again()} starts it again" if stopped else ""

    def _prepare_state(self) -> None:
        """Detect an unwritable state file before anything is started."""
        Store(self.settings.state_file).update(self._with_session, create=self._new_fleet())

    def _with_session(self, fleet: Fleet) -> Fleet:
        """A file that another command made names no session yet."""
        return fleet if fleet.tmux_session else replace(fleet, tmux_session=self.request.session)

    def _new_fleet(self) -> Fleet:
        return Fleet(tmux_session=self.request.session)

    def _pull_request(self) -> PullAtStart:
        path, request = str(self.spare.path), self.request
        agent = Agent("", worktree_path=path, branch=request.branch, pr_number=request.pr_number)
        return beginning(agent, self.fleet or self._new_fleet(), self.settings)

    def _briefing(self, began: PullAtStart) -> str:
        request = self.request
        if about := request.review:
            return review_briefing(str(self.spare.path), about.branch, about.head, about.objective, about.diff)
        return briefing(
            Brief(
                objective=request.objective,
                folder=str(self.spare.path),
                branch=request.branch,
                steps=request.steps,
                pr_number=request.pr_number,
                image_path=request.image,
                verify_command=request.verify_command or self.settings.verify_command,
                open_threads=began.open_threads,
            )
        )

    def _begin(self, pane_io: PaneIO, facts: PaneFacts, start: StartPoint, session_id: str, text: str) -> Agent:
        """Write the record, with what is left to do: after a crash another process finishes or undoes it."""
        request, folder, now = self.request, self.spare.path, time.time()
        agent = Agent(
            window=facts.window,
            worktree=folder.name,
            worktree_path=str(folder),
            spare_branch=self.spare.branch,
            branch=request.branch,
            objective=request.objective,
            pr_number=request.pr_number,
            session_id=session_id,
            steps=request.steps,
            spawned_at=now,
            task=Task(
                started_at=now,
                image=request.image,
                verify_command=request.verify_command,
                file=request.task,
                reviews=request.review.author if request.review else "",
                reviewed_head=request.review.head if request.review else "",
                pending=intent_of(text, self.spare.branch, start, now),
            ),
            last_seen_at=now,
            agent=self.kind.name,
            pane_id=facts.pane_id,
            window_id=facts.window_id,
            tmux_server=pane_io.server,
            repository=recorded_remote(Git.in_worktree(str(folder)), request.branch),
            seen=LastLook(commit=start.commit),
            account=self.account,
            notices=Notices(told_state=str(AgentState.RUNNING)),
        )
        store = Store(self.settings.state_file)
        server = pane_io.server
        store.update(lambda fleet: with_session_of(fleet.with_agent(agent), facts, server), create=self._new_fleet())
        self.begun = agent
        return agent

    def _close(self, place: PaneToClose) -> None:
        """Close the pane, and end everything it left running in the worktree."""
        close(place)
        folder = self.spare.path
        end_own(Agent("", worktree_path=str(folder), spawned_at=self.began).at(place.pane, place.server), folder)

    def _forget(self) -> None:
        """The last undo step: after an interrupted undoing, whoever finds the record completes it."""
        begun = self.begun
        if begun is not None:
            Store(self.settings.state_file).update(lambda fleet: fleet.without_agent(begun))

    def _record(self, pane_io: PaneIO, agent: Agent) -> Agent:
        """Write the final record, in the present window and conversation."""
        seen = pane_io.look(agent.pane_id)
        placed = agent if seen is None else agent.at(seen.frame.facts, pane_io.server)
        known = {
            "window": placed.window,
            "window_id": placed.window_id,
            "session_id": (seen.session_id if seen is not None else "") or agent.session_id,
            "state": AgentState.RUNNING,
            "task": {"pending": None},
        }
        after = Store(self.settings.state_file).update(lambda fleet: fleet.change(agent, **known)).current(agent)
        if after is None:
            raise FleetError("its record is gone")
        return after
