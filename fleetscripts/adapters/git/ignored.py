"""Ignored files that may be lost: those that another commit would overwrite, and those of given names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence

from fleetscripts.adapters.git.git import Git


def colliding(git: Git, *commits: str) -> list[str]:
    """Untracked files in conflict with one of the commits: it has a file of that name, or a folder there, or a file
    where their folder is. Checking it out replaces ignored ones silently."""
    tracked = set(git.text("ls-files", "-z").split("\0"))
    wanted = {path for commit in commits for path in git.text("ls-tree", "-r", "-z", "--name-only", commit).split("\0")}
    found: dict[str, None] = {}
    for path in sorted(wanted - tracked):
        for place in _in_the_way(git, path):
            if place not in tracked:
                found[place] = None
    return list(found)


def _in_the_way(git: Git, path: str) -> list[str]:
    parts = path.split("/")
    for number in range(1, len(parts)):
        above = "/".join(parts[:number])
        file = git.folder / above
        if file.is_symlink() or file.is_file():
            return [above]
    place = git.folder / path
    if place.is_dir() and not place.is_symlink():
        inside = (os.path.relpath(file, git.folder) for file in place.rglob("*") if file.is_symlink() or file.is_file())
        return sorted(inside)
    return [path] if os.path.lexists(place) else []


def ignored_of(git: Git, names: Iterable[str]) -> list[str]:
    """Ignored files that match git's patterns, in any folder; a nested repository ends with a slash."""
    return _ignored_at(git, [f"{prefix}{name}" for name in names for prefix in ("", "**/")])


def remove_ignored(git: Git, patterns: Sequence[str]) -> None:
    """Remove ignored files that match, and folders that become empty.

    Not by ``git clean``, which removes an ignored folder whole even if the pattern names only part of it."""
    for path in _ignored_at(git, patterns):
        place = git.folder / path
        if path.endswith("/"):  # a repository of its own
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        above = place.parent
        while above != git.folder and not any(above.iterdir()):
            above.rmdir()
            above = above.parent


def _ignored_at(git: Git, patterns: Sequence[str]) -> list[str]:
    """Ignored entries that match, from the top; a nested repository ends with a slash. Nothing without patterns, which
    git would take for every path."""
    words = [f":(top,glob){pattern}" for pattern in patterns]
    listed = git.text("ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", *words) if words else ""
    return [path for path in listed.split("\0") if path]
