"""Which files of a worktree an agent may change without a person: not those that run code or steer agents later."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase, translate
from functools import cache
from pathlib import PurePosixPath

from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Steering:
    """Names, or paths of several, with wildcards: ``files`` steer agents or run code, and so do all hidden ones except
    those of ``hidden``, and in the worktree's own root all with one of the ``root_endings`` but ``root_known``."""

    files: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    root_endings: tuple[str, ...] = ()
    root_known: tuple[str, ...] = ()


def why_not_readable(real: str, worktree: str) -> str | None:
    """None if ``real`` (links already resolved) is in the worktree, else the reason to ask."""
    if not _inside(real, worktree):
        return f"{real!a} lies outside the worktree"
    return None


def why_not_writable(real: str, worktree: str, steering: Steering, *, whole_folders: bool = False) -> str | None:
    """As for reading, and no steering file. ``whole_folders``: a folder may be put there, as ``mv`` does, so that the
    parent of a steering folder counts too."""
    if not _inside(real, worktree):
        return f"{real!a} lies outside the worktree"
    parts = [_folded(part) for part in PurePosixPath(real).relative_to(PurePosixPath(worktree)).parts]
    for at, part in enumerate(parts):
        if part.startswith(".") and not any(_begins(parts[at:], entry) for entry in steering.hidden):
            return f"{part!a} is hidden, and may steer agents or run code"
    if len(parts) == 1 and parts[0].endswith(steering.root_endings) and not _any_of(parts[0], steering.root_known):
        return f"{parts[0]!a} in the worktree's root may be settings of a host, an agent or a tool"
    if parts[-1:] == ["head"]:
        return "with a file of that name a folder becomes a repository of its own"
    if not whole_folders and not _may_match(steering.files).search(f"/{'/'.join(parts)}/"):
        return None
    for entry in steering.files:
        wanted = entry.casefold().split("/")
        if any(_matches(parts[at : at + len(wanted)], wanted) for at in range(len(parts))):
            return f"{entry} steers agents or runs code"
        shorter = (wanted[:length] for length in range(1, len(wanted)))
        if whole_folders and any(_matches(parts[-len(begin) :], begin) for begin in shorter):
            return f"{entry} steers agents or runs code, and its folder would be replaced"
    return None


@cache
def _may_match(entries: tuple[str, ...]) -> re.Pattern[str]:
    """Matches every path, folded and with a "/" at both ends, that one of ``entries`` matches anywhere, and a few
    others: most files of a worktree need one search instead of hundreds of comparisons."""
    unanchored = (translate(entry.casefold())[: -len(r"\Z")] for entry in entries)
    return re.compile(f"/(?:{'|'.join(unanchored)})/")


def _any_of(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


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
