"""Which files of a worktree an agent may change without a person: not those that run code or steer agents later."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Steering:
    """Names, or paths of several, with wildcards: ``files`` steer agents or run code, and so do all hidden ones except
    those of ``hidden``."""

    files: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


def why_not_readable(real: str, worktree: str) -> str | None:
    """None when ``real`` (links already resolved) lies in the worktree, else the reason it must be asked about."""
    if not _inside(real, worktree):
        return f"{real!a} lies outside the worktree"
    return None


def why_not_writable(real: str, worktree: str, steering: Steering, *, whole_folders: bool = False) -> str | None:
    """As for reading, and no steering file. ``whole_folders``: a folder may be put there, as ``mv`` does, so that
    the parent of a steering folder counts too."""
    if not _inside(real, worktree):
        return f"{real!a} lies outside the worktree"
    parts = [_folded(part) for part in PurePosixPath(real).relative_to(PurePosixPath(worktree)).parts]
    for at, part in enumerate(parts):
        if part.startswith(".") and not any(_begins(parts[at:], entry) for entry in steering.hidden):
            return f"{part!a} is hidden, and may steer agents or run code"
    for entry in steering.files:
        wanted = entry.casefold().split("/")
        if any(_matches(parts[at : at + len(wanted)], wanted) for at in range(len(parts))):
            return f"{entry} steers agents or runs code"
        shorter = (wanted[:length] for length in range(1, len(wanted)))
        if whole_folders and any(_matches(parts[-len(begin) :], begin) for begin in shorter):
            return f"{entry} steers agents or runs code, and its folder would be replaced"
    return None


def _begins(parts: Sequence[str], entry: str) -> bool:
    wanted = entry.casefold().split("/")
    return _matches(parts[: len(wanted)], wanted)


def _matches(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _folded(part: str) -> str:
    """A name as file systems that ignore case, composition and invisible characters compare it."""
    shown = (char for char in unicodedata.normalize("NFKC", part) if unicodedata.category(char) != "Cf")
    return "".join(shown).casefold().rstrip(". ")


def _inside(real: str, worktree: str) -> bool:
    path, root = PurePosixPath(real), PurePosixPath(worktree)
    return path.is_absolute() and ".." not in path.parts and (path == root or root in path.parents)
