"""A worktree's commit, read from git's files without a process, so that every cycle can afford it."""

from __future__ import annotations

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
        folder = _git_folder(worktree)
        head = _text(folder / "HEAD").strip()
        if not head.startswith("ref: "):
            return head if _HASH.fullmatch(head) else ""
        return _ref(folder, head.removeprefix("ref: "))
    except (OSError, ValueError, RuntimeError):  # also a name with a null in it, and links in a circle
        return ""


def _git_folder(worktree: Path) -> Path:
    """``.git`` itself, or the target of a linked worktree's ``.git`` file."""
    dot_git = worktree / ".git"
    if dot_git.is_dir():
        return dot_git
    pointer = _text(dot_git).strip().removeprefix("gitdir: ")
    return (worktree / pointer).resolve()


def _ref(folder: Path, name: str) -> str:
    common = folder
    if (folder / "commondir").is_file():
        common = (folder / _text(folder / "commondir").strip()).resolve()
    for place in (folder, common):
        loose = place / name
        if loose.is_file():
            commit = _text(loose).strip()
            return commit if _HASH.fullmatch(commit) else ""
    packed = _text(common / "packed-refs")
    pairs = (line.split(" ", 1) for line in packed.splitlines() if " " in line)
    return next((commit for commit, ref in pairs if ref == name and _HASH.fullmatch(commit)), "")


def _text(path: Path) -> str:
    """A plain file's text; a pipe in its place would block."""
    return read_regular(path, LARGEST_BYTES).decode("utf-8", "surrogateescape")
