"""Returns an agent's worktree to its spare branch, in steps that can be repeated after a crash."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.ignored import colliding
from fleetscripts.adapters.git.notes import NoteBook
from fleetscripts.adapters.git.rescue import rescue, rescue_branch
from fleetscripts.adapters.git.restore import Base, base_of, empty_out, leave_submodules, put_on, require_clean
from fleetscripts.adapters.git.worktrees import stuck, unwritable, worktrees
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.planning.capacity import protected
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState
from fleetscripts.record import RECYCLING, Hold
from fleetscripts.services.clients.closing import PaneToClose, close, place_of, refuse_own
from fleetscripts.services.clients.left_running import end_own, left_running, refuse_others
from fleetscripts.services.lifecycle.pane_survey import client_elsewhere
from fleetscripts.services.lifecycle.recycle_options import RecycleOptions
from fleetscripts.services.observe.fresh_record import fresh_record
from fleetscripts.services.verification.verify import Question, verify
from fleetscripts.services.worktrees.set_up import Preparation, preparation
from fleetscripts.services.worktrees.spares import Spare, claims_on, fleet_now, real_worktree, taken
from fleetscripts.services.worktrees.steering import drop_steering, steering
from fleetscripts.services.worktrees.undo import coded

NOTHING = "nothing"


@dataclass
class Recycler:
    """One worktree being recycled. The agent need not be recorded: a crashed spawn leaves no record."""

    settings: Settings
    fleet: Fleet
    agent: Agent
    path: Path
    spare_branch: str
    forced: bool = False
    rescued: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    """Messages for the caller about the worktree."""
    onto: Base | None = None
    prepared: Preparation | None = None
    base: str = ""
    changed: bool = False
    """Whether anything visible was done: from then on a failure is reported as partial."""

    @property
    def git(self) -> Git:
        return Git.in_worktree(str(self.path), self.agent.repository)

    @property
    def recorded(self) -> bool:
        """Whether the state file knows the agent."""
        return self.fleet.current(self.agent) is not None

    @property
    def notes(self) -> NoteBook:
        """Recyclings that were decided and have not finished."""
        return NoteBook(self.settings.fleet_home / "recycling")

    def steps(self) -> tuple[Callable[[], None], ...]:
        """The steps, in order."""
        return (
            *(self.decide, self.prepare, self.save, self.close_pane, self.tear_down, self.save),
            *(self.restore, self.clean, self.forget),
        )

    def run(self) -> None:
        """Run all steps. A failure before the pane is closed leaves the agent at work; later, the record says how far
        it got."""
        try:
            for step in self.steps():
                step()
        except FleetError as error:
            if not self.changed:
                self._take_back()
                raise self._as_before(error) from error
            again = f"{spelled('recycle-agent')} {self.agent.handle} goes on from here"
            raise coded(
                f"half-way, {self.agent.handle} is paused and will not be resumed: {error}; {again}", error
            ) from error

    def decide(self) -> None:
        """Record the decision: from here on recycling is only finished, never questioned again, and nobody resumes the
        agent."""
        if self.recorded:
            self.fleet, self.agent = fresh_record(self.settings, self.fleet, self.agent, time.time())
        before = self.decided_before()
        self.changed = before and self.place() is None
        self.refuse_disturbed()
        if not before:
            self._refuse_incomplete()
        self._note()
        if self.recorded:
            self._change(hold=Hold(RECYCLING, time.time()))
        self._journal("recycling", why="forced" if self.forced else "all gates hold")

    def refuse_disturbed(self) -> None:
        """Refuse while its conversation is open in another pane, or others' processes are in the worktree."""
        place = self.place()
        if where := client_elsewhere(self.settings, self.agent, place.pane if place else None):
            raise Refusal(f"its conversation is open in {where.place}: end that (kill {where.pid}), then call again")
        refuse_others(left_running(self.agent, self.path, place.pane.pid if place else None))

    def prepare(self) -> None:
        """Find out what git could fail at while the agent can still be left as it is."""
        git = self.git
        if why := stuck(git) or unwritable(git):
            raise Refusal(f"{self.path} cannot be made spare: {why}")
        self.onto = base_of(git, self.spare_branch)
        self.prepared = preparation(self.settings, os.environ, self.path)

    def place(self) -> PaneToClose | None:
        """Its pane, if it exists."""
        return place_of(Tmux(self.settings.tmux_socket), self.agent, self.path)

    def save(self) -> None:
        """Keep under a rescue ref what would be lost."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        git, onto = self.git, self._base()
        branch, head = git.branch(), git.maybe("rev-parse", "--verify", "--quiet", "HEAD")
        ignored = (*colliding(git, onto.commit, *([head] if head else [])), *steering(git))
        for ref in (*rescue(git, branch, stamp, ignored), self._of_spare_branch(branch, stamp)):
            if ref is not None and ref not in self.rescued:
                self.rescued.append(ref)
                self._note()
                self._journal("rescued", ref=ref)

    def close_pane(self) -> None:
        """Close the agent's pane, if it exists, and end what it left running in the worktree."""
        self.refuse_disturbed()
        place = self.place()
        if place is not None:
            refuse_own(place, self.fleet, os.environ)
            self.changed = True
            close(place)
        self.changed = True
        end_own(self.agent, self.path)

    def tear_down(self) -> None:
        """Run the tear-down command, which removes what set-up and agent created outside the worktree."""
        if self.prepared is not None:
            self.notices += self.prepared.tear_down()

    def clean(self) -> None:
        """Remove what the operator's rules name."""
        if self.prepared is not None:
            self.notices += self.prepared.clean()

    def restore(self) -> None:
        """Empty the worktree and put it on its spare branch; files that its new branch does not ignore are saved and
        removed."""
        base, git = self._base(), self.git
        drop_steering(self.git)
        leave_submodules(git, base.commit)
        empty_out(git)
        self.notices += put_on(git, self.spare_branch, base)
        self.save()
        empty_out(git)
        drop_steering(self.git)
        if own := require_clean(git).as_checked_out:
            more = f" and {len(own) - 1} more" if len(own) > 1 else ""
            self.notices.append(
                f"{own[0]}{more} shown as modified right after a checkout: the repository's own settings"
            )
        self.base = f"{base.commit[:12]}, {base.origin}"

    def _base(self) -> Base:
        """The spare branch's base; looked up once."""
        self.onto = self.onto or base_of(self.git, self.spare_branch)
        return self.onto

    def forget(self) -> None:
        """Mark the record recycled, then drop the note."""
        if self.recorded:
            self._change(state=AgentState.RECYCLED, hold=Hold())
        self._journal("recycled", why=self.base)
        self.notes.drop(str(self.path))

    def decided_before(self) -> bool:
        """Whether this very agent's recycling was interrupted. If it has worked since, it is decided anew."""
        note = self.notes.read(str(self.path))
        if note is None or note.get("agent") not in self.agent.keys:
            return False
        self.rescued = [ref for ref in note.get("rescued", []) if isinstance(ref, str)]
        known = self.fleet.current(self.agent)
        return self.place() is None or (known is not None and known.hold.reason == RECYCLING)

    def _refuse_incomplete(self) -> None:
        if self.forced:
            return
        if not self.recorded:
            raise Refusal(
                f"no agent is recorded in {self.path}, so nothing can be verified: --force saves and recycles"
            )
        fleet, agent = fresh_record(self.settings, self.fleet, self.agent, time.time())
        held_back = verify(Question(agent, fleet, self.settings)).holding_back()
        if held_back:
            said = "; ".join(f"{gate.name} {gate.status}: {gate.evidence}" for gate in held_back)
            raise Refusal(f"not complete, {NOTHING} was changed: {said}; --force saves what is there and recycles")

    def _as_before(self, error: FleetError) -> FleetError:
        """The former record, and whether anything was changed: a rescue ref stays."""
        if f"{NOTHING} was changed" in str(error):
            return error
        return coded(f"{error}; {'nothing else' if self.rescued else NOTHING} was changed", error)

    def _take_back(self) -> None:
        """Undo the decision after it proved impossible: the agent is at work as before."""
        self.notes.drop(str(self.path))
        known = self.fleet.current(self.agent)
        if known is not None:
            self._change(hold=known.hold)

    def _change(self, **fields: object) -> None:
        Store(self.settings.state_file).update(lambda fleet: fleet.change(self.agent, **fields))

    def _of_spare_branch(self, branch: str | None, stamp: str) -> str | None:
        return None if branch == self.spare_branch else rescue_branch(self.git, self.spare_branch, stamp)

    def _note(self) -> None:
        self.notes.write(str(self.path), {"agent": self.agent.key, "rescued": self.rescued})

    def _journal(self, event: str, **fields: str) -> None:
        journal = Journal(self.settings.journal_file)
        journal.write(
            event,
            id=self.agent.id,
            window=self.agent.window,
            worktree=str(self.path),
            spare_branch=self.spare_branch,
            **fields,
        )


@contextmanager
def recycling(settings: Settings, fleet: Fleet, agent: Agent, given: RecycleOptions) -> Iterator[Recycler]:
    """The checked recycling of one worktree, exclusively."""
    path, spare_branch = given.place_of(agent)

    def choose() -> Spare:
        _refuse_untouchable(settings, agent, path, spare_branch)
        return Spare(path, spare_branch)

    with taken(settings, choose):
        yield Recycler(settings, fleet, agent, path, spare_branch, given.force)


def _refuse_untouchable(settings: Settings, agent: Agent, path: Path, spare_branch: str) -> None:
    """Refuse a worktree that is protected, another's, or not the expected one."""
    git = Git.in_worktree(str(path), agent.repository)
    found = [real_worktree(facts) for facts in worktrees(path, git.repository)]
    claims = claims_on(found, settings)
    here = next((facts for facts in found if facts.path == str(path)), None)
    if here is None or here.bare:
        raise Refusal(f"{path} is no worktree of its own: expected the path of one")
    if why := protected(here, claims):
        raise Refusal(f"{path} is never recycled: {why}")
    if str(path) in claims.taken:
        raise Refusal(f"{path} is {claims.taken[str(path)]}")
    fleet = fleet_now(settings)
    record = fleet.current(agent)
    if record is not None and record.state is AgentState.RECYCLED:
        raise Refusal(f"the agent in {agent.window} has been recycled since")
    for other in fleet.agents:
        other_path = os.path.realpath(other.worktree_path) if other.worktree_path else ""
        if other_path == str(path) and other.state is not AgentState.RECYCLED and not other.is_same(agent):
            raise Refusal(f"{path} is in use by the agent in {other.window}")
    client_elsewhere = next((facts.path for facts in found if facts.branch == spare_branch and facts is not here), None)
    if client_elsewhere is not None:
        raise Refusal(f"{spare_branch} is checked out in {client_elsewhere}: put that worktree on another branch first")
    place = place_of(Tmux(settings.tmux_socket), agent, path)
    if place is not None:
        refuse_own(place, fleet, os.environ)
