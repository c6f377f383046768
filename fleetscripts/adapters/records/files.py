"""Atomic file writes: readers see whole files at any moment."""

from __future__ import annotations

import errno
import os
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"


def private_folder(folder: Path) -> None:
    """Make the folder and its missing parents, accessible to the user alone whatever the umask."""
    missing = [folder, *folder.parents]
    missing = missing[: next((at for at, place in enumerate(missing) if place.is_dir()), len(missing))]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` with mode 0600, synced to disk. If anything fails the old file stays."""
    descriptor, name = temporary_beside(path)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def temporary_beside(path: Path) -> tuple[int, str]:
    """A new file in the folder of ``path``, mode 0600, open for writing; its hidden name contains that of ``path``."""
    while True:
        name = f"{path.parent}/.{path.name}.{os.urandom(6).hex()}{TEMPORARY_SUFFIX}"
        try:
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), name
        except FileExistsError:
            continue


def append_line(path: Path, line: bytes) -> None:
    """Append a line atomically, or raise; the file is created with mode 0600. A line cut short by a full disk or a
    power cut is ended first."""
    private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        content = line if _at_line_end(descriptor) else b"\n" + line
        if os.write(descriptor, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _at_line_end(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_temporaries(path: Path) -> None:
    """Remove temporary files of killed writers of ``path``. Only for a caller that holds the lock of all its
    writers."""
    for other in path.parent.iterdir():
        if other.name.startswith(f".{path.name}.") and other.name.endswith(TEMPORARY_SUFFIX):
            other.unlink(missing_ok=True)
