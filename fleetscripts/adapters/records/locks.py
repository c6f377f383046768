"""Locks between processes. The kernel drops them with their holder, so a killed process leaves none held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleetscripts.adapters.records.files import private_folder
from fleetscripts.errors import FleetError

TRY_AGAIN_SECONDS = 0.001
"""Filelock's own 50 ms cost a third of the throughput and half a second of waiting with 16 writers."""


class LockTaken(FleetError):
    """Somebody else holds the lock."""


@contextmanager
def hold(path: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock file at ``path``; raises LockTaken when it does not come free in time (0: one try)."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=timeout_seconds, mode=0o600, poll_interval=TRY_AGAIN_SECONDS, thread_local=False)
    try:
        private_folder(path.parent)
        lock.acquire()
    except Timeout:
        raise LockTaken(f"{path} is held by another process (waited {timeout_seconds:g} s)") from None
    except OSError as error:
        raise FleetError(f"cannot lock {path}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
