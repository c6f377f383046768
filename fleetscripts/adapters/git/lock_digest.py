"""A digest of a worktree's lock files, which changes with its packages."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.system.regular_file import read_regular

LARGEST_BYTES = 64 << 20


def lock_digest(git: Git, names: Sequence[str], *, about: str = "") -> str:
    """Of every tracked or untracked, not ignored, file of these names, as it is now; ``about`` is part of it."""
    found = hashlib.sha256(os.fsencode(about))
    for path in lock_files(git, names):
        found.update(b"\0" + os.fsencode(path) + b"\0" + _content(git, path))
    return found.hexdigest()[:32]


def lock_files(git: Git, names: Sequence[str]) -> list[str]:
    """Their paths; none without names, which git would take for every file."""
    if not names:
        return []
    patterns = [f":(top,glob)**/{name}" for name in names]
    listed = git.text("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns).split("\0")
    return sorted({path for path in listed if path and not path.endswith("/")})


def _content(git: Git, path: str) -> bytes:
    """Its digest; for one that cannot be read (gone, no file at all) the reason."""
    try:
        return hashlib.sha256(read_regular(git.folder / path, LARGEST_BYTES)).digest()
    except OSError as error:
        return f"unreadable: {error.strerror}".encode()
