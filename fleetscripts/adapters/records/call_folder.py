"""Calls from another machine, each run once: a folder for each, locked for as long as it runs.

The kernel takes the lock back when the command and whoever ran it have ended, however they ended: a folder that is not
locked, was begun and holds no exit code tells of a call whose end nobody knows.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from fleetscripts.adapters.records.files import private_folder, sync_folder
from fleetscripts.dataclass import dataclass

RUN = '"$@" >"$0/stdout" 2>"$0/stderr"; echo $? 1<>"$0/exit"'
"""The exit code takes the place of blanks that are there already: a disk that fills up meanwhile cannot lose it."""

ROOM = b" " * 7 + b"\n"
KEPT_SECONDS = 86_400.0
MOST_OUTPUT = 8 << 20
"""Bytes of one stream that are told."""

PIECE = 1 << 18


class CallState(StrEnum):
    """How far a call is."""

    NONE = "none"
    RUNNING = "running"
    DONE = "done"
    LOST = "lost"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class CallFolder:
    """The call with the id that is the folder's name."""

    folder: Path

    def state(self) -> CallState:
        """How far it is now."""
        with self._lock() as lock:
            return CallState.RUNNING if lock is None else self._state()

    def wait(self) -> None:
        """Until it does not run any more."""
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self.folder / "lock", os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            finally:
                os.close(descriptor)

    def begin(self, command: Sequence[str], stdin: bytes, environ: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
        """Run it, unless it was ever begun; None then. Raises OSError where there is no room: it was not begun."""
        private_folder(self.folder)
        with self._lock() as lock, _unnamed(self.folder.parent, stdin) as given:
            if lock is None or self._state() is not CallState.NONE:
                return None
            try:
                for name, content in (("stdout", b""), ("stderr", b""), ("exit", ROOM)):
                    self._put(name, content)
                self._put("began", json.dumps({"argv": command, "at": time.time()}).encode())
                sync_folder(self.folder)
                return subprocess.Popen(
                    ["/bin/sh", "-c", RUN, str(self.folder), *command],
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=dict(environ),
                    pass_fds=(lock,),
                    start_new_session=True,
                )
            except OSError:
                (self.folder / "began").unlink(missing_ok=True)
                raise

    def exit_code(self) -> int:
        """Of one that is done."""
        return int((self.folder / "exit").read_bytes().split()[0])

    def output(self, stream: str) -> Iterator[bytes]:
        """What it printed, in pieces; the first bytes alone where it is very much."""
        with open(self.folder / stream, "rb") as file:
            while file.tell() < MOST_OUTPUT and (piece := file.read(PIECE)):
                yield piece

    def forget(self) -> None:
        """Keep only that it was: an order for it that comes late is not followed a second time."""
        (self.folder / "forgotten").touch(mode=0o600)
        for name in ("stdout", "stderr"):
            (self.folder / name).unlink(missing_ok=True)

    def _state(self) -> CallState:
        if (self.folder / "forgotten").exists():
            return CallState.FORGOTTEN
        if not (self.folder / "began").exists():
            return CallState.NONE
        try:
            return CallState.DONE if (self.folder / "exit").read_bytes().split() else CallState.LOST
        except FileNotFoundError:
            return CallState.LOST

    @contextlib.contextmanager
    def _lock(self) -> Iterator[int | None]:
        """The lock's descriptor, -1 where nothing was ever begun; None while somebody else has it."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            yield -1
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield descriptor
        except BlockingIOError:
            yield None
        finally:
            os.close(descriptor)

    def _put(self, name: str, content: bytes) -> None:
        with open(os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def _unnamed(folder: Path, content: bytes) -> Iterator[int]:
    """A file without a name that holds this: it may be a secret."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def sweep(calls: Path, now: float) -> None:
    """Remove what was begun long ago and does not run."""
    with contextlib.suppress(OSError):
        for folder in calls.iterdir():
            old = folder.is_dir() and now - folder.stat().st_mtime > KEPT_SECONDS
            if old and CallFolder(folder).state() is not CallState.RUNNING:
                shutil.rmtree(folder, ignore_errors=True)
