"""The worktrees of a repository, and the content of each that exists nowhere else."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from fleetscripts.adapters.git.changes import begin_changes, changes, changes_told
from fleetscripts.adapters.git.git import Git, GitCall, GitFailed
from fleetscripts.adapters.git.plain_index import SHA1_HEX, is_plain_index
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.models import Repository, WorktreeContents, WorktreeFacts

_BRANCH = "refs/heads/"
_OPERATIONS = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}


_OF_THE_WORKTREE = ("refs/bisect/*", "refs/worktree/*", "refs/rewritten/*")
"""Refs that belong to the worktree, so they keep nothing."""

_PREFIXES = tuple(name.removesuffix("*") for name in _OF_THE_WORKTREE)

_LOCKS = ("index.lock", "HEAD.lock", "config.worktree.lock")


class NoRepository(FleetError):
    """The folder is in no git repository."""


def worktrees(repo: Path, recorded: Repository | None = None) -> list[WorktreeFacts]:
    """Every worktree of the repository that ``repo`` belongs to (or is recorded to belong to), the main one first."""
    return begin_worktrees(repo, recorded)()


def begin_worktrees(repo: Path, recorded: Repository | None = None) -> Callable[[], list[WorktreeFacts]]:
    """Have git list them; what is returned waits for its answer."""
    if not _is_folder(repo):
        raise NoRepository(f"no such folder: {str(repo)!r}: give the path of a git repository")
    call = Git(repo, recorded).begin("worktree", "list", "--porcelain", "-z")

    def answer() -> list[WorktreeFacts]:
        try:
            listing = call.output().decode("utf-8", "surrogateescape")
        except GitFailed as error:
            if "not a git repository" in str(error):
                found = f"not a git repository: {str(repo)!r}: give the path of one, or call from inside one"
                raise NoRepository(found) from error
            raise GitFailed(_explained(str(error), repo)) from error
        return [_facts(entry.split("\0")) for entry in listing.split("\0\0") if entry]

    return answer


def _explained(error: str, repo: Path) -> str:
    if "dubious ownership" in error:
        place = repo.absolute()
        return (
            f"git refuses {place}, since it belongs to another user: make it yours (chown),"
            f" or trust it: git config --global --add safe.directory {shlex.quote(str(place))}"
        )
    outdated = "unknown switch" in error or "usage:" in error
    return f"{error} (git 2.36 or newer is needed)" if outdated else error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no file can have
        return False


def _facts(lines: list[str]) -> WorktreeFacts:
    said = {key: value for key, _, value in (line.partition(" ") for line in lines)}
    branch = said.get("branch")
    head = said.get("HEAD", "")
    return WorktreeFacts(
        path=said["worktree"],
        branch=None if branch is None else branch.removeprefix(_BRANCH),
        head=head if head.strip("0") else "",
        bare="bare" in said,
        locked=said.get("locked"),
        prunable=said.get("prunable"),
    )


def common_folder(repo: Path, listed: Sequence[WorktreeFacts]) -> str:
    """The real path of the folder that all worktrees of the repository share. ``listed``: all of them.

    git lists the main worktree first: by that folder without ``/.git``, where the folder has this name."""
    inside = Path(listed[0].path, ".git")
    if not listed[0].bare and inside.is_dir() and not inside.is_symlink():
        return os.path.realpath(inside)
    return os.path.realpath(repo / Git(repo).text("rev-parse", "--git-common-dir"))


class Refs:
    """The refs of a repository by the commit that each names. ``listed``: its worktrees, whose branches often say
    enough; git is asked for the others at most once."""

    def __init__(self, repo: Path, listed: Sequence[WorktreeFacts]) -> None:
        self._repo = repo
        branches = [(facts.head, facts.branch) for facts in listed if facts.branch]
        self._listed = _by_commit((head, f"{_BRANCH}{name}") for head, name in branches if not name.startswith("refs/"))

    def name(self, facts: WorktreeFacts) -> bool:
        """Whether one that outlives this worktree names its very commit, as for most spares."""
        return self._among(self._listed, facts) or self._among(self._all, facts)

    @cached_property
    def _all(self) -> dict[str, list[str]]:
        lines = Git(self._repo).text("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
        return _by_commit((commit, ref) for commit, _, ref in (line.partition(" ") for line in lines))

    @staticmethod
    def _among(refs: Mapping[str, Sequence[str]], facts: WorktreeFacts) -> bool:
        own = {f"{_BRANCH}{facts.branch}"}
        return any(ref not in own and not ref.startswith(_PREFIXES) for ref in refs.get(facts.head, ()))


def _by_commit(refs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for commit, ref in refs:
        found.setdefault(commit, []).append(ref)
    return found


@dataclass(frozen=True, slots=True)
class ContentsCall:
    """A look into a worktree that has begun: git is at work, where the index is plain and so one process says all."""

    facts: WorktreeFacts
    git: Git
    changes: GitCall | None

    def told(self, refs: Refs) -> WorktreeContents:
        """What only this worktree has; raises if git cannot say. ``refs``: the repository's."""
        found = changes(self.git) if self.changes is None else changes_told(self.git, self.changes)
        return WorktreeContents(
            changes=len(found.paths),
            first_change=found.paths[0] if found.paths else "",
            operation=operation(self.git),
            own_commits=0 if refs.name(self.facts) else own_commits(self.git, self.facts.branch),
        )

    def stop(self) -> None:
        """Nobody asks any more."""
        if self.changes is not None:
            self.changes.process.stop()


def begin_contents(facts: WorktreeFacts, common: str) -> ContentsCall:
    """Look into the worktree of the repository with this common folder; raises if it points to another repository, or
    git cannot change it."""
    git = Git.in_worktree(facts.path)
    if git.repository is None or git.repository.common_dir != common:
        raise GitFailed(f"{facts.path}/.git points to another repository than {common}")
    if why := stuck(git):
        raise GitFailed(why)
    plain = len(facts.head) == SHA1_HEX and is_plain_index(git.git_dir / "index")
    return ContentsCall(facts, git, begin_changes(git) if plain else None)


def operation(git: Git) -> str | None:
    """The unfinished merge, rebase, … here."""
    return next((name for mark, name in _OPERATIONS.items() if (git.git_dir / mark).exists()), None)


def stuck(git: Git) -> str:
    """Why git cannot change this worktree now, empty if it can."""
    for name in _LOCKS:
        if os.path.lexists(git.git_dir / name):
            return f"{git.git_dir / name} stands: another git is at work there, or one died (then remove the file)"
    for place in (git.folder, git.git_dir):
        if not os.access(place, os.W_OK | os.X_OK):
            return f"{place} cannot be written"
    return ""


def unwritable(git: Git) -> str:
    """A folder with git's or the agent's files that cannot be changed; empty if all can."""
    listed = git.text("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for folder in sorted({(git.folder / path).parent for path in listed}):
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            return f"{folder} cannot be written by you: change its owner or mode"
    return ""


def own_commits(git: Git, branch: str | None) -> int:
    """How many commits of HEAD are only on its own branch."""
    but_its_own = [f"--exclude={name}" for name in (*_OF_THE_WORKTREE, *([f"{_BRANCH}{branch}"] if branch else []))]
    return int(git.text("rev-list", "--count", "HEAD", "--not", *but_its_own, "--glob=refs/*"))
