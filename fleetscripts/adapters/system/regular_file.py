"""Opens files where agents can write: a pipe, device or socket in a file's place is an error, never a wait."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path | str) -> BinaryIO:
    """The file, opened for reading without blocking. Raises OSError for anything but a regular file."""
    descriptor, _ = _opened(path)
    try:
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path | str, most_bytes: int) -> bytes:
    """A regular file's whole content. Raises OSError, also (EFBIG) if it is larger than ``most_bytes``."""
    descriptor, size = _opened(path)
    try:
        content = piece = os.read(descriptor, min(size, most_bytes) + 1)
        while piece and len(content) <= most_bytes:
            piece = os.read(descriptor, most_bytes + 1 - len(content))
            content += piece
    finally:
        os.close(descriptor)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"expected at most {most_bytes:,} bytes", str(path))
    return content


def _opened(path: Path | str) -> tuple[int, int]:
    """Its descriptor, and its size at that moment."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "expected a regular file", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size
