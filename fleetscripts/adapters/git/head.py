"""The commit that a worktree is at, read from git's files: no process, so that every cycle can afford it.

Paths are text here: taken apart and put together for each agent at each look, they would cost more than reading."""

from __future__ import annotations

import os
from pathlib import Path

from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.pattern import pattern

LARGEST_BYTES = 16 << 20
"""Size of a large repository's packed refs; larger files are left to git."""

_HASH = pattern(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def head_commit(worktree: Path) -> str:
    """The commit's hash; empty without a commit or git, or with a ref format other than plain files.

    An agent can write all of these files: their content is never an error."""
    try:
        folder = _git_folder(str(worktree))
        head = _text(f"{folder}/HEAD").strip()
        if not head.startswith("ref: "):
            return head if _HASH.fullmatch(head) else ""
        return _ref(folder, head.removeprefix("ref: "))
    except (OSError, ValueError):  # also a name with a null in it, and links in a circle
        return ""


def _git_folder(worktree: str) -> str:
    """``.git`` itself, or the target of a linked worktree's ``.git`` file."""
    dot_git = f"{worktree}/.git"
    if os.path.isdir(dot_git):
        return dot_git
    return os.path.join(worktree, _text(dot_git).strip().removeprefix("gitdir: "))


def _ref(folder: str, name: str) -> str:
    common = folder
    if os.path.isfile(f"{folder}/commondir"):
        common = os.path.join(folder, _text(f"{folder}/commondir").strip())
    for place in (folder, common):
        loose = os.path.join(place, name)
        if os.path.isfile(loose):
            commit = _text(loose).strip()
            return commit if _HASH.fullmatch(commit) else ""
    packed = _text(f"{common}/packed-refs")
    pairs = (line.split(" ", 1) for line in packed.splitlines() if " " in line)
    return next((commit for commit, ref in pairs if ref == name and _HASH.fullmatch(commit)), "")


def _text(path: str) -> str:
    """A plain file's text; a pipe in its place would block."""
    return read_regular(path, LARGEST_BYTES).decode("utf-8", "surrogateescape")
