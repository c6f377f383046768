"""The commit that a worktree is at, read from git's files: no process, so that every cycle can afford it."""

from __future__ import annotations

import re
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def head_commit(worktree: Path) -> str:
    """The commit's hash; empty where there is none yet, no git, or a ref format that is not plain files."""
    try:
        folder = _git_folder(worktree)
        head = (folder / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
        if not head.startswith("ref: "):
            return head if _HASH.fullmatch(head) else ""
        return _ref(folder, head.removeprefix("ref: "))
    except OSError:
        return ""


def _git_folder(worktree: Path) -> Path:
    """``.git`` itself, or where a linked worktree's ``.git`` file points."""
    dot_git = worktree / ".git"
    if dot_git.is_dir():
        return dot_git
    pointer = dot_git.read_text(encoding="utf-8", errors="surrogateescape").strip().removeprefix("gitdir: ")
    return (worktree / pointer).resolve()


def _ref(folder: Path, name: str) -> str:
    common = folder
    if (folder / "commondir").is_file():
        common = (folder / (folder / "commondir").read_text(encoding="utf-8").strip()).resolve()
    for place in (folder, common):
        loose = place / name
        if loose.is_file():
            commit = loose.read_text(encoding="utf-8").strip()
            return commit if _HASH.fullmatch(commit) else ""
    packed = (common / "packed-refs").read_text(encoding="utf-8", errors="surrogateescape")
    pairs = (line.split(" ", 1) for line in packed.splitlines() if " " in line)
    return next((commit for commit, ref in pairs if ref == name and _HASH.fullmatch(commit)), "")
