"""Spare worktrees: which there are, and taking one so that no two takers ever get the same."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fleetscripts.adapters.claims import ClaimBook
from fleetscripts.adapters.git import GitFailed
from fleetscripts.adapters.locks import hold
from fleetscripts.adapters.store import StateMissing, Store
from fleetscripts.adapters.worktrees import contents, worktrees
from fleetscripts.config import Settings
from fleetscripts.core.capacity import Claims, Place, Standing, order, standing, standing_inside
from fleetscripts.errors import Refused
from fleetscripts.fleet import Fleet
from fleetscripts.models import AgentState, WorktreeFacts
from fleetscripts.services.hosting import bundle_folders

LOCK_TIMEOUT_SECONDS = 120.0
"""Ten takers in a row, each looking into every spare of a large repository."""


@dataclass(frozen=True, slots=True)
class Spare:
    """A worktree that is ours as long as its claim lasts."""

    path: Path
    branch: str


def survey(repo: Path, settings: Settings) -> list[Place]:
    """Every worktree of the repository with its standing: free ones first, by number."""
    found = worktrees(repo)
    claims = claims_on(found, settings)
    return sorted((_looked_into(standing(_real(facts), claims)) for facts in found), key=order)


def free(places: Sequence[Place]) -> list[Place]:
    """Those that can be taken."""
    return [place for place in places if place.standing is Standing.FREE]


@contextmanager
def claim_next(repo: Path, settings: Settings) -> Iterator[Spare]:
    """Take the next spare of the repository, held until the block ends; the block writes the agent's record."""
    with hold(_lock(settings), LOCK_TIMEOUT_SECONDS):
        found = worktrees(repo)
        claims = claims_on(found, settings)
        candidates = free(sorted((standing(_real(facts), claims) for facts in found), key=order))
        place = next((place for place in map(_looked_into, candidates) if place.standing is Standing.FREE), None)
        if place is None:
            raise Refused(f"no spare worktree in {repo}: capacity says why each one is not free")
        ClaimBook(claims_folder(settings)).write(place.worktree.path, place.worktree.branch or "")
    with _held(place, settings) as spare:
        yield spare


@contextmanager
def claim(path: Path, spare_branch: str, settings: Settings) -> Iterator[Spare]:
    """Take this very worktree from this spare branch, held until the block ends; refuses when it is not free."""
    with hold(_lock(settings), LOCK_TIMEOUT_SECONDS):
        found = worktrees(path)
        claims = claims_on(found, settings)
        place = next((standing(_real(facts), claims) for facts in found if _real(facts).path == _realpath(path)), None)
        if place is None:
            raise Refused(f"{path} is no worktree of its own: expected one that find-spare lists")
        place = _looked_into(place)
        if place.standing is not Standing.FREE:
            raise Refused(f"{path} is not free: {place.reason}")
        if place.worktree.branch != spare_branch:
            raise Refused(f"{path} is on {place.worktree.branch}, expected {spare_branch}")
        ClaimBook(claims_folder(settings)).write(place.worktree.path, place.worktree.branch or "")
    with _held(place, settings) as spare:
        yield spare


def claims_on(found: Sequence[WorktreeFacts], settings: Settings) -> Claims:
    """Who has a say over these worktrees, read now."""
    try:
        fleet = Store(settings.state_file).read()
    except StateMissing:
        fleet = Fleet()
    at_work = [agent for agent in fleet.agents if agent.worktree_path and agent.state is not AgentState.RECYCLED]
    claimed = ClaimBook(claims_folder(settings)).read()
    names = settings.protected_worktrees
    return Claims(
        agents={_realpath(agent.worktree_path): agent.window for agent in at_work},
        taken={claim.path: f"being taken by process {claim.pid}" for claim in claimed if claim.alive},
        left={claim.path: claim.spare_branch for claim in claimed if not claim.alive},
        protected_branches=frozenset(settings.protected_branches),
        protected_worktrees=frozenset(_realpath(name) if "/" in name else name for name in names),
        host=_host([_real(facts) for facts in found], bundle_folders(settings.fleet_home)),
    )


def claims_folder(settings: Settings) -> Path:
    """Where claims lie."""
    return settings.fleet_home / "claims"


def _host(found: Sequence[WorktreeFacts], folders: Sequence[Path]) -> str | None:
    """The innermost worktree that one of the folders lies in."""
    hosts = [facts.path for facts in found if any(folder.is_relative_to(facts.path) for folder in folders)]
    return max(hosts, key=len, default=None)


def _looked_into(place: Place) -> Place:
    """A worktree that git cannot read is not free; the others are told all the same."""
    if place.standing is not Standing.FREE:
        return place
    try:
        return standing_inside(place, contents(place.worktree))
    except GitFailed as error:
        return replace(place, standing=Standing.UNUSABLE, reason=str(error))


@contextmanager
def _held(place: Place, settings: Settings) -> Iterator[Spare]:
    """The claim on a free place, dropped when the block ends; a killed process leaves it, and it counts no more."""
    spare = Spare(Path(place.worktree.path), place.worktree.branch or "")
    try:
        yield spare
    finally:
        ClaimBook(claims_folder(settings)).drop(str(spare.path))


def _lock(settings: Settings) -> Path:
    return settings.locks / "spares.lock"


def _real(facts: WorktreeFacts) -> WorktreeFacts:
    return replace(facts, path=_realpath(facts.path))


def _realpath(path: str | Path) -> str:
    return os.path.realpath(path)
