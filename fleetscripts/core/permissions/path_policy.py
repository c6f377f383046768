"""Which files of a worktree an agent may change without a person: not those that run code or steer agents later."""

from __future__ import annotations

from pathlib import PurePosixPath

STEERING = (
    (".git",),
    (".claude",),
    (".codex",),
    (".mcp.json",),
    ("CLAUDE.md",),
    ("CLAUDE.local.md",),
    ("AGENTS.md",),
    (".github", "workflows"),
    (".github", "actions"),
    (".husky",),
    (".githooks",),
    (".envrc",),
    (".gitattributes",),
    (".gitmodules",),
    (".pre-commit-config.yaml",),
    (".vscode",),
)
"""Name sequences, anywhere in a path: writing there would run code later, or change what an agent is told."""


def why_not_readable(real: str, worktree: str) -> str | None:
    """None when ``real`` (links already resolved) lies in the worktree, else the reason it must be asked about."""
    if not _inside(real, worktree):
        return f"{real!a} lies outside the worktree"
    return None


def why_not_writable(real: str, worktree: str, *, whole_folders: bool = False) -> str | None:
    """As for reading, and no steering file. ``whole_folders``: a folder may be put there, as ``mv`` does, so that
    the parent of a steering folder counts too."""
    if not _inside(real, worktree):
        return f"{real!a} lies outside the worktree"
    parts = tuple(part.casefold() for part in PurePosixPath(real).relative_to(PurePosixPath(worktree)).parts)
    for steering in STEERING:
        wanted = tuple(part.casefold() for part in steering)
        if any(parts[at : at + len(wanted)] == wanted for at in range(len(parts))):
            return f"{'/'.join(steering)} steers agents or runs code"
        if whole_folders and len(wanted) > 1 and parts and parts[-1:] == wanted[:1]:
            return f"{'/'.join(steering)} steers agents or runs code, and its folder would be replaced"
    return None


def _inside(real: str, worktree: str) -> bool:
    path, root = PurePosixPath(real), PurePosixPath(worktree)
    return path.is_absolute() and ".." not in path.parts and (path == root or root in path.parents)
