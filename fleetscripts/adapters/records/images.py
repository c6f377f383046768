"""Copies of images for agents to read again: our own files, created exclusively, readable by the user alone."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

FOLDER = Path("/tmp")
"""Where the supervisor looks for them, by their name."""

NAME = "orchestrator-context-{stamp}.png"
_KEPT = pattern(r"orchestrator-context-\d+(?:-\d+)?\.png")
MOST_TRIES = 1000


def keep_image(source: str, now: float) -> str:
    """A copy at ``/tmp/orchestrator-context-<ts>.png``, mode 0600; the file itself if it is such a copy already."""
    path = Path(source)
    if _is_kept(path):
        return source
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, a device read without end
            raise FleetError(f"cannot keep the image {source}: expected a file")
        with path.open("rb") as stream:
            for number in range(MOST_TRIES):
                stamp = f"{now:.0f}-{number}" if number else f"{now:.0f}"
                kept = FOLDER / NAME.format(stamp=stamp)
                try:
                    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                except FileExistsError:
                    continue
                with os.fdopen(descriptor, "wb") as copy:
                    os.fchmod(copy.fileno(), 0o600)
                    shutil.copyfileobj(stream, copy)
                return str(kept)
    except OSError as error:
        raise FleetError(f"cannot keep the image {source}: {error.strerror}") from error
    raise FleetError(f"cannot keep the image {source}: {MOST_TRIES} of this second are there already")


def forget_image(kept: str, source: str) -> None:
    """Remove a copy that is no longer needed; never an original."""
    if kept and kept != source and _is_kept(Path(kept)):
        Path(kept).unlink(missing_ok=True)


def _is_kept(path: Path) -> bool:
    """A plain file of ours, by its name and place."""
    if path.parent != FOLDER or not _KEPT.fullmatch(path.name):
        return False
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
