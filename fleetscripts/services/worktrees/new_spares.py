"""Creates spare worktrees beside the existing ones; all of them or none."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.restore import Base, base_of
from fleetscripts.adapters.git.worktrees import worktrees
from fleetscripts.adapters.records.journal import Journal
from fleetscripts.config import Settings
from fleetscripts.core.planning.spare_names import NewSpare, naming, new_spares
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.models import AgentState, WorktreeFacts
from fleetscripts.services.worktrees.spares import NoSpare, Spare, alone, claim_next, fleet_now, in_repository
from fleetscripts.services.worktrees.undo import UndoStack, coded

CHECKOUT_SECONDS = 900.0
"""For one worktree of a very large repository on a slow disk."""


MOST_MADE = 5
"""For one caller, one after the other, because others take them."""


@dataclass(frozen=True, slots=True)
class AddedSpares:
    """The created spares. ``commit``: their commit; ``origin``: its source, in words."""

    spares: tuple[Spare, ...]
    commit: str
    origin: str


def add_spares(repo: Path, settings: Settings, count: int) -> AddedSpares:
    """Create this many worktrees on spare branches; if one fails, none stays."""
    with in_repository(repo, settings):
        main = Path(_main(worktrees(repo)).path)
    git = Git(main)
    base = _base(git)
    undo = UndoStack()
    with alone(settings):
        try:
            made = [_made(git, new, base.commit, undo) for new in _chosen(git, repo, settings, count)]
        except BaseException as error:
            said = undo.run()
            if said and isinstance(error, FleetError):
                raise coded("; ".join([str(error), *said]), error) from error
            raise
    for spare in made:
        Journal(settings.journal_file).write("spare-added", worktree=spare.path.name, branch=spare.branch)
    return AddedSpares(tuple(made), base.commit, base.origin)


def _base(git: Git) -> Base:
    try:
        return base_of(git, "")
    except FleetError as error:
        if git.says("rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
            raise
        raise FleetError(f"{git.folder} has no commit yet for a worktree: commit something") from error


def claim_or_make(
    held: ExitStack, repo: Path, settings: Settings, notes: list[str], passed: Collection[Path] = ()
) -> Spare:
    """Take the next spare not ``passed`` over, while ``held``; one is created if none is free and that is configured,
    which ``notes`` then report. Retried if others take the new one."""
    for _ in range(MOST_MADE):
        try:
            return held.enter_context(claim_next(repo, settings, passed))
        except NoSpare:
            if passed or not room_for_more(repo, settings):
                raise
            made = add_spares(repo, settings, 1).spares[0]
            notes.append(f"no spare worktree was free: {made.path} was made")
    return held.enter_context(claim_next(repo, settings, passed))


def room_for_more(repo: Path, settings: Settings) -> bool:
    """Whether a spare may be created on demand: if configured, up to ``most_worktrees``."""
    return settings.add_spares and len(worktrees(repo)) < settings.most_worktrees


def _main(found: list[WorktreeFacts]) -> WorktreeFacts:
    """The repository's main worktree, or the bare repository itself."""
    if f"{os.sep}.git{os.sep}modules{os.sep}" in f"{found[0].path}{os.sep}":
        raise Refusal(f"{found[0].path} is a submodule's: give the repository that it is in")
    return found[0]


def _chosen(git: Git, repo: Path, settings: Settings, count: int) -> list[NewSpare]:
    """The next free names; folders, branches, records and missing worktrees occupy theirs."""
    found = worktrees(repo)
    agents = [agent for agent in fleet_now(settings).agents if agent.state is not AgentState.RECYCLED]
    if git.says("show-ref", "--verify", "--quiet", "refs/heads/spare"):
        raise Refusal("the branch spare is in the way of spare/1, spare/2, …: rename it (git branch -m spare NEW)")
    named = naming(found, {os.path.realpath(agent.worktree_path) for agent in agents if agent.worktree_path})
    branches = set(git.text("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/spare/").splitlines())
    taken = {*branches, *(branch.rpartition("/")[0] for branch in branches), *(agent.spare_branch for agent in agents)}
    paths = {facts.path for facts in found}
    return list(islice(new_spares(named, lambda new: _is_free(new, taken, paths)), count))


def _is_free(new: NewSpare, branches: Collection[str], paths: Collection[str]) -> bool:
    return new.branch not in branches and new.path not in paths and not os.path.lexists(new.path)


def _made(git: Git, new: NewSpare, commit: str, undo: UndoStack) -> Spare:
    undo.add(_unmade, git, new, commit)
    words = ("worktree", "add", "-q", "--no-track", "-b", new.branch, "--", new.path, commit)
    git.run(*words, timeout_seconds=CHECKOUT_SECONDS)
    return Spare(Path(new.path), new.branch)


def _unmade(git: Git, new: NewSpare, commit: str) -> None:
    """Remove the worktree begun here, and its branch while it is unchanged."""
    if os.path.lexists(new.path):
        git.run("worktree", "remove", "--force", "--force", "--", new.path)
    ref = f"refs/heads/{new.branch}"
    if git.maybe("rev-parse", "--verify", "--quiet", ref) == commit:
        git.run("update-ref", "-d", ref, commit)
