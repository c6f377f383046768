"""Entries of a worktree's index other than plain files: those hidden from git's comparison, and submodules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.dataclass import dataclass

_LINK = "160000"


@dataclass(frozen=True, slots=True)
class Listing:
    """``unwatched``: marked assume-unchanged; ``skipped``: marked skip-worktree; ``links``: pinned commit by path."""

    unwatched: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


def listing(git: Git) -> Listing:
    """The index, read once."""
    unwatched, skipped = [], []
    links: dict[str, str] = {}
    for entry in git.text("ls-files", "-v", "--stage", "-z").split("\0"):
        facts, _, path = entry.partition("\t")
        tag, mode, pin, *_ = (*facts.split(" "), "", "", "")
        if tag.islower():
            unwatched.append(path)
        if tag.upper() == "S":
            skipped.append(path)
        if mode == _LINK:
            links.setdefault(path, pin)
    return Listing(tuple(unwatched), tuple(skipped), links)


@contextmanager
def watching_index(git: Git, known: Listing) -> Iterator[Path]:
    """A copy of the index without hidden entries for existing files; the index itself is not touched."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="fleet-index-") as folder:
        copy = Path(folder, "index")
        index = git.git_dir / "index"
        if index.exists():
            shutil.copy2(index, copy)  # with its time, by which git knows entries that it must compare by content
        uncover(git, known, {"GIT_INDEX_FILE": str(copy)})
        yield copy


def uncover(git: Git, known: Listing, env: Mapping[str, str] | None = None) -> None:
    """Remove the marks, except from files that a sparse checkout leaves out of the worktree."""
    there = tuple(path for path in known.skipped if os.path.lexists(git.folder / path))
    for option, paths in (("--no-assume-unchanged", known.unwatched), ("--no-skip-worktree", there)):
        if paths:
            git.run("update-index", option, "-z", "--stdin", env=env, given=listed(paths))


def listed(paths: tuple[str, ...] | list[str]) -> bytes:
    """Paths as git reads them from its standard input."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
