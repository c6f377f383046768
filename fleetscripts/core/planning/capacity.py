"""Which worktrees are spare, in use or unusable, and why; which machines have spare ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from fleetscripts.dataclass import dataclass
from fleetscripts.models import WorktreeContents, WorktreeFacts
from fleetscripts.pattern import pattern

_SPARE = pattern(r"spare/([0-9]{1,9})")

HERE = ""
"""This machine's name among hosts."""


class WorktreeUse(StrEnum):
    """What a worktree may be used for now."""

    FREE = "free"
    IN_USE = "in_use"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Claims:
    """Who claims which worktree. Paths are real paths."""

    agents: Mapping[str, str] = field(default_factory=dict)
    """Window of the agent at work, by path."""
    taken: Mapping[str, str] = field(default_factory=dict)
    """The process that is taking the worktree now, by path."""
    left: Mapping[str, str] = field(default_factory=dict)
    """Spare branch of a worktree whose spawn or recycling crashed, by path."""
    protected_branches: frozenset[str] = frozenset()
    protected_worktrees: frozenset[str] = frozenset()
    """Names or paths."""
    host: str | None = None
    """The worktree that contains the running bundle."""


@dataclass(frozen=True, slots=True)
class WorktreeListing:
    """One worktree and its use; ``reason`` says why it is not free, ``window`` who works there."""

    worktree: WorktreeFacts
    standing: WorktreeUse
    reason: str = ""
    window: str = ""


def spare_number(branch: str | None) -> int | None:
    """The N of ``spare/N``, None for any other branch."""
    match = _SPARE.fullmatch(branch or "")
    return int(match[1]) if match else None


def order(place: WorktreeListing) -> tuple[int, int, str]:
    """Sort order: free by number, then in use, then the rest."""
    number = spare_number(place.worktree.branch)
    return (list(WorktreeUse).index(place.standing), 10**9 if number is None else number, place.worktree.path)


def standing(worktree: WorktreeFacts, claims: Claims) -> WorktreeListing:
    """Its use, as far as it shows without looking into the worktree."""
    path = worktree.path
    if path in claims.agents:
        return WorktreeListing(worktree, WorktreeUse.IN_USE, f"agent in {claims.agents[path]}", claims.agents[path])
    if path in claims.taken:
        return WorktreeListing(worktree, WorktreeUse.IN_USE, claims.taken[path])
    reason = _unusable(worktree, claims)
    return (
        WorktreeListing(worktree, WorktreeUse.UNUSABLE, reason)
        if reason
        else WorktreeListing(worktree, WorktreeUse.FREE)
    )


def standing_inside(place: WorktreeListing, contents: WorktreeContents) -> WorktreeListing:
    """Its use, for one that seemed free, after looking into it."""
    reason = ""
    if contents.operation:
        reason = f"a {contents.operation} is under way"
    elif contents.changes:
        more = f" and {contents.changes - 1} more" if contents.changes > 1 else ""
        reason = f"dirty: {contents.first_change}{more}"
    elif contents.own_commits:
        reason = f"{contents.own_commits} commit{'s' * (contents.own_commits > 1)} that no other ref holds"
    return WorktreeListing(place.worktree, WorktreeUse.UNUSABLE, reason) if reason else place


def protected(worktree: WorktreeFacts, claims: Claims) -> str:
    """Why this worktree must never be touched; empty if it may be."""
    if worktree.path == claims.host:
        return "hosts the running scripts"
    if {worktree.name, worktree.path} & claims.protected_worktrees:
        return "protected worktree"
    if worktree.branch in claims.protected_branches:
        return f"protected branch {worktree.branch}"
    return ""


def _unusable(worktree: WorktreeFacts, claims: Claims) -> str:
    if worktree.bare:
        return "bare repository"
    if worktree.prunable is not None:
        return f"prunable: {worktree.prunable or 'its folder is gone'}"
    if why := protected(worktree, claims):
        return why
    if worktree.path in claims.left and spare_number(worktree.branch) is None:
        return f"left half-way: recycle it to {claims.left[worktree.path]}"
    if worktree.branch is None:
        return "detached HEAD"
    if spare_number(worktree.branch) is None:
        return f"on branch {worktree.branch}, which is no spare/N"
    if worktree.locked is not None:
        return f"locked{': ' if worktree.locked else ''}{worktree.locked}"
    return "" if worktree.head else "its branch has no commit yet"


def by_room(free: Mapping[str, int]) -> list[str]:
    """The machines with free worktrees, most first; among equals this one, then by name."""
    return sorted((name for name, count in free.items() if count > 0), key=lambda name: (-free[name], name))
