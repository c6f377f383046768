"""Files that configure agents under another name: targets of links, imports and start commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.core.permissions.path_policy import Steering, why_not_writable
from fleetscripts.pattern import pattern

MOST_ENTRIES = 20_000
MOST_BYTES = 1_000_000
MOST_HOPS = 5
HEAVY = {".git", "node_modules", ".venv", "venv", ".tox", ".nox"}
IMPORT = pattern(r"@([\w./+-]+)")
WORD = pattern(r"(?:\$\w+|\$\{\w+\})?/*([\w./+-]+)")
SETTINGS = (".json", ".toml")
"""Suffixes of hidden settings, in which any word may be the path of a program that some client starts."""


def steered_by(root: str, steering: Steering) -> set[str]:
    """The real paths of such files and folders in the worktree ``root``. For a tree with more than ``MOST_ENTRIES``
    entries only those nearest to its root are found."""
    found: set[str] = set()
    for path in _steering_files(root, steering):
        if os.path.islink(path):
            found.add(os.path.realpath(path))
        todo = [(path, 0)]
        while todo:
            file, hops = todo.pop()
            for named in _named(file, root) if hops < MOST_HOPS else ():
                if named not in found:
                    found.add(named)
                    todo.append((named, hops + 1))
    return found


def _steering_files(root: str, steering: Steering) -> Iterator[str]:
    folders, seen = [root], 0
    while folders and seen < MOST_ENTRIES:
        folder = folders.pop(0)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        seen += len(entries)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders += [entry.path] if entry.name not in HEAVY else []
            elif why_not_writable(entry.path, root, steering):
                yield entry.path


def _named(file: str, root: str) -> Iterator[str]:
    """Files of the worktree that this one imports or starts: relative to its folder or to the root."""
    starts = os.path.relpath(file, root).startswith(".") and file.endswith(SETTINGS)
    if not starts and not file.endswith((".md", ".mdc")):
        return
    try:
        text = read_regular(Path(file), MOST_BYTES).decode(errors="replace")
    except OSError:
        return
    folders = {Path(file).resolve().parent, Path(file).parent, Path(root)}
    for word in set((WORD if starts else IMPORT).findall(text)):
        for folder in folders:
            path = os.path.realpath(folder / word)
            if path.startswith(root + "/") and Path(path).is_file():
                yield path
