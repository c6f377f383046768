"""Spare worktrees: lists them, and claims one so that no two callers get the same."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from fleetscripts.adapters.git.claims import ClaimBook
from fleetscripts.adapters.git.worktrees import (
    ContentsCall,
    NoRepository,
    Refs,
    begin_contents,
    begin_worktrees,
    common_folder,
    worktrees,
)
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.config import Settings
from fleetscripts.core.planning.capacity import Claims, WorktreeListing, WorktreeUse, order, standing, standing_inside
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, WorktreeFacts
from fleetscripts.services.worktrees.bundle_paths import bundle_folders
from fleetscripts.services.worktrees.clients_inside import ClientsInside, clients_inside

AT_ONCE = 4
"""Worktrees that git reads at the same time: more gain nothing where a machine has few cores."""

LOCK_TIMEOUT_SECONDS = 120.0
"""Ten takers in a row, each looking into every spare of a large repository."""


class NoSpare(Refusal):
    """No worktree of the repository can be taken."""


@dataclass(frozen=True, slots=True)
class Spare:
    """A worktree that is ours while its claim lasts."""

    path: Path
    branch: str


def survey(
    repo: Path, settings: Settings, listing: Callable[[], list[WorktreeFacts]] | None = None
) -> list[WorktreeListing]:
    """Every worktree of the repository with its use: free ones first, by number. ``listing``: begun."""
    listing = listing or begin_worktrees(repo)
    clients = clients_inside()
    with in_repository(repo, settings):
        found = listing()
    claims, look = claims_on(found, settings), _look_into(repo, found, clients)
    return sorted(look.into_all([standing(real_worktree(facts), claims) for facts in found]), key=order)


@contextmanager
def in_repository(repo: Path, settings: Settings) -> Iterator[None]:
    """A host's calls are made in its fleet's repository: until it has one, the error says what gives it one."""
    try:
        yield
    except NoRepository as missing:
        from fleetscripts.services.central.central import has_central  # here, so that find-spare does not load it

        if repo != Path() or not has_central(settings):
            raise
        file = settings.fleet_home / "config.toml"
        raise NoRepository(
            f"no repository is known on this machine yet: tasks_repo in {file} names one, or the first call names it:"
            f" {spelled('spawn-agent')} --repo DIR"
        ) from missing


def free(places: Sequence[WorktreeListing]) -> list[WorktreeListing]:
    """Those that can be taken."""
    return [place for place in places if place.standing is WorktreeUse.FREE]


@contextmanager
def taken(settings: Settings, choose: Callable[[], Spare]) -> Iterator[Spare]:
    """Take the one that ``choose`` selects, with all claims locked, and hold it until the block ends.

    A killed process leaves its claim behind, and so does one that could not undo its work: the claim then no longer
    counts, and whoever takes the next spare puts the worktree back."""
    from fleetscripts.services.worktrees.undo import LeftHalfWay  # here, so that find-spare does not load it

    book = claim_book(settings)
    with alone(settings):
        _put_back_abandoned(settings)
        spare = choose()
        book.write(str(spare.path), spare.branch)
    stuck = False
    try:
        yield spare
    except LeftHalfWay:
        stuck = True
        raise
    finally:
        if not stuck:
            book.drop(str(spare.path))


def settle_left(settings: Settings) -> list[str]:
    """Make spare again what killed spawns have left unfinished; returns what was done, in words."""
    if not claim_book(settings).has_abandoned():
        return []
    with alone(settings):
        return _put_back_abandoned(settings)


def _put_back_abandoned(settings: Settings) -> list[str]:
    if not claim_book(settings).has_abandoned():
        return []
    from fleetscripts.services.worktrees import abandoned_spawns  # here, so that find-spare does not load it

    return abandoned_spawns.put_back(settings, fleet_now(settings))


def claim_book(settings: Settings) -> ClaimBook:
    """The claims on worktrees."""
    return ClaimBook(settings.fleet_home / "claims")


def claim_next(repo: Path, settings: Settings, passed: Collection[Path] = ()) -> AbstractContextManager[Spare]:
    """Take the next spare of the repository not ``passed`` over; the block writes the agent's record."""
    return taken(settings, lambda: _next(repo, settings, passed))


def claim(path: Path, spare_branch: str, settings: Settings) -> AbstractContextManager[Spare]:
    """Take this very worktree from this spare branch; refuses if it is not free."""
    return taken(settings, lambda: _this(path, spare_branch, settings))


def alone(settings: Settings) -> AbstractContextManager[None]:
    """With all claims locked."""
    return hold(settings.locks / "spares.lock", LOCK_TIMEOUT_SECONDS)


def _next(repo: Path, settings: Settings, passed: Collection[Path]) -> Spare:
    with in_repository(repo, settings):
        found = worktrees(repo)
    claims, look = claims_on(found, settings), _look_into(repo, found, clients_inside())
    candidates = free(sorted((standing(real_worktree(facts), claims) for facts in found), key=order))
    looked = (look.into(place) for place in candidates if Path(place.worktree.path) not in passed)
    chosen = next((place for place in looked if place.standing is WorktreeUse.FREE), None)
    if chosen is None:
        why = f"{spelled('capacity')} says why each one is not free, {spelled('add-spare')} makes another"
        raise NoSpare(f"no spare worktree in {repo}: {why}")
    return Spare(Path(chosen.worktree.path), chosen.worktree.branch or "")


def _this(path: Path, spare_branch: str, settings: Settings) -> Spare:
    listed = worktrees(path)
    found = [real_worktree(facts) for facts in listed]
    named = next((facts for facts in found if facts.path == os.path.realpath(path)), None)
    if named is None:
        raise Refusal(f"{path} is no worktree of its own: expected one that {spelled('find-spare')} lists")
    place = _look_into(path, listed, clients_inside()).into(standing(named, claims_on(found, settings)))
    if place.standing is not WorktreeUse.FREE:
        raise Refusal(f"{path} is not free: {place.reason}")
    if named.branch != spare_branch:
        raise Refusal(f"{path} is on {named.branch}, expected {spare_branch}")
    return Spare(Path(named.path), spare_branch)


def claims_on(found: Sequence[WorktreeFacts], settings: Settings) -> Claims:
    """The claims on these worktrees, read now: claims before records, since a process drops its claim after writing the
    record."""
    claimed = claim_book(settings).read()
    fleet = fleet_now(settings)
    at_work = [agent for agent in fleet.agents if agent.worktree_path and agent.state is not AgentState.RECYCLED]
    names = settings.protected_worktrees
    return Claims(
        agents={os.path.realpath(agent.worktree_path): agent.window for agent in at_work},
        taken={claim.path: f"being taken by process {claim.pid}" for claim in claimed if claim.alive},
        left={claim.path: claim.spare_branch for claim in claimed if not claim.alive},
        protected_branches=frozenset(settings.protected_branches),
        protected_worktrees=frozenset(os.path.realpath(name) if "/" in name else name for name in names),
        host=_host([real_worktree(facts) for facts in found], bundle_folders(settings.fleet_home)),
    )


def fleet_now(settings: Settings) -> Fleet:
    """The fleet, empty if there is no state file yet."""
    try:
        return Store(settings.state_file).read()
    except StateMissing:
        return Fleet()


def _host(found: Sequence[WorktreeFacts], folders: Sequence[Path]) -> str | None:
    """The innermost worktree that contains one of the folders."""
    hosts = [facts.path for facts in found if any(folder.is_relative_to(facts.path) for folder in folders)]
    return max(hosts, key=len, default=None)


@dataclass(frozen=True, slots=True)
class _Inspection:
    """A worktree being looked into; ``inside`` None: ``place`` says all that is known already."""

    place: WorktreeListing
    inside: ContentsCall | None = None

    def stop(self) -> None:
        if self.inside is not None:
            self.inside.stop()


@dataclass(frozen=True, slots=True)
class _Look:
    """The facts with which one repository's worktrees are checked. ``common``: the folder that they share."""

    common: str
    refs: Refs
    clients: ClientsInside

    def into_all(self, places: Sequence[WorktreeListing]) -> Iterator[WorktreeListing]:
        """One after the other, some git processes ahead."""
        begun: deque[_Inspection] = deque()
        try:
            for place in places:
                begun.append(self._begin(place))
                if len(begun) == AT_ONCE:
                    yield self._told(begun.popleft())
            while begun:
                yield self._told(begun.popleft())
        finally:
            for one in begun:
                one.stop()

    def into(self, place: WorktreeListing) -> WorktreeListing:
        """One that git cannot read, or with a client inside, is not free; the others are listed all the same."""
        return self._told(self._begin(place))

    def _begin(self, place: WorktreeListing) -> _Inspection:
        if place.standing is not WorktreeUse.FREE:
            return _Inspection(place)
        if words := self.clients.words(Path(place.worktree.path)):
            return _Inspection(replace(place, standing=WorktreeUse.IN_USE, reason=words))
        try:
            return _Inspection(place, begin_contents(place.worktree, self.common))
        except FleetError as error:
            return _Inspection(replace(place, standing=WorktreeUse.UNUSABLE, reason=str(error)))

    def _told(self, begun: _Inspection) -> WorktreeListing:
        if begun.inside is None:
            return begun.place
        try:
            return standing_inside(begun.place, begun.inside.told(self.refs))
        except FleetError as error:
            return replace(begun.place, standing=WorktreeUse.UNUSABLE, reason=str(error))


def _look_into(repo: Path, listed: Sequence[WorktreeFacts], clients: ClientsInside) -> _Look:
    return _Look(common_folder(repo, listed), Refs(repo, listed), clients)


def real_worktree(facts: WorktreeFacts) -> WorktreeFacts:
    """The same by its real path, which is used in all comparisons."""
    return replace(facts, path=os.path.realpath(facts.path))
