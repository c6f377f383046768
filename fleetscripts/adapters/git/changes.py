"""How a worktree differs from its HEAD, by the files themselves: neither index flags nor submodule settings hide
anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fleetscripts.adapters.git.git import Git, GitCall
from fleetscripts.adapters.git.index_listing import Listing, listing, watching_index
from fleetscripts.adapters.git.submodules import submodules
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

MOST_COMPARED = 2000
"""At most this many modified files are compared with what a checkout would write; the others count as changes."""


@dataclass(frozen=True, slots=True)
class Changes:
    """``paths``: changed or untracked; not ignored ones. ``as_checked_out``: shown as modified although a checkout
    writes just that (line endings, filters): caused by the repository, nobody's work."""

    paths: tuple[str, ...] = ()
    as_checked_out: tuple[str, ...] = ()


def changes(git: Git) -> Changes:
    """All differences, whatever the repository's settings."""
    known = listing(git)
    if known.unwatched or known.skipped:
        with watching_index(git, known) as index:
            entries = status(git, index)
    else:
        entries = status(git)
    return _changes(git, known, entries)


def begin_changes(git: Git) -> GitCall:
    """For a worktree whose index is plain: what ``changes_told`` takes, so that several can be looked into at once."""
    return git.begin(*_status_words())


def changes_told(git: Git, begun: GitCall) -> Changes:
    """The same as ``changes``."""
    return _changes(git, Listing(), _entries(begun.output().decode("utf-8", "surrogateescape")))


def _changes(git: Git, known: Listing, entries: list[tuple[str, str]]) -> Changes:
    modified = [path for mark, path in entries if mark == " M" and path not in known.links][:MOST_COMPARED]
    own = frozenset(path for path in modified if _is_as_checked_out(git, path))
    found = [path for _, path in entries if path not in own]
    for module in submodules(git, known.links):
        if module.foreign:
            found.append(f"{module.path} ({module.foreign})")
        elif module.git is not None:
            found += [f"{module.path}/{path}" for path in changes(module.git).paths]
    return Changes(tuple(dict.fromkeys(found)), tuple(path for path in modified if path in own))


def changed_paths(git: Git) -> list[str]:
    return list(changes(git).paths)


def status(git: Git, index: Path | None = None, untracked: str = "normal") -> list[tuple[str, str]]:
    """git's two status letters and the path of each entry. Submodules are not entered: only their commit counts."""
    given = {"GIT_INDEX_FILE": str(index)} if index is not None else {}
    return _entries(git.text(*_status_words(untracked), **given))


def _status_words(untracked: str = "normal") -> tuple[str, ...]:
    how = ("--porcelain", "-z", "--no-renames", f"--untracked-files={untracked}", "--ignore-submodules=dirty")
    return ("status", *how)


def _entries(told: str) -> list[tuple[str, str]]:
    return [(entry[:2], entry[3:]) for entry in told.split("\0") if entry]


def _is_as_checked_out(git: Git, path: str) -> bool:
    """Whether the file's content and mode are exactly what a checkout of the index would write."""
    file = git.folder / path
    try:
        found = os.lstat(file)
        if not stat.S_ISREG(found.st_mode):
            return False
        written = git.run("cat-file", "--filters", f":0:{path}")
        if len(written) != found.st_size or written != read_regular(file, found.st_size):
            return False
        mode = git.text("ls-files", "--stage", "-z", "--", f":(literal,top){path}").partition(" ")[0]
    except (OSError, FleetError):
        return False
    return bool(found.st_mode & stat.S_IXUSR) == (mode == "100755") or mode not in ("100755", "100644")
