"""Calls from another machine, each run once: a folder per call, locked while it runs.

The kernel releases the lock when the command and its runner have ended, however they ended. The shell that runs the
command writes a mark just before. So an unlocked folder without a mark is a command that never ran, unless the machine
has restarted since; one with a mark and without an exit code is one whose result is unknown."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.adapters.records.json_files import encode, load
from fleetscripts.adapters.system.steady_clock import boot_id
from fleetscripts.dataclass import dataclass

RUN = 'echo x 1<>"$0/started" || exit; "$@" >"$0/stdout" 2>"$0/stderr"; echo $? 1<>"$0/exit"'
"""Mark and exit code replace blanks in the file: a disk that fills up meanwhile loses neither."""

ROOM = b" " * 7 + b"\n"
KEPT_SECONDS = 86_400.0
MOST_OUTPUT = 8 << 20
"""Bytes of one stream that are sent."""

PIECE = 1 << 18


class CallState(StrEnum):
    """The state of a call."""

    NONE = "none"
    RUNNING = "running"
    DONE = "done"
    LOST = "lost"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class CallFolder:
    """The call whose id is the folder's name."""

    folder: Path

    def state(self) -> CallState:
        with self._lock(fcntl.LOCK_SH) as lock:
            return CallState.RUNNING if lock is None else self._state()

    def wait(self) -> None:
        """Wait until it is not running."""
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self.folder / "lock", os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            finally:
                os.close(descriptor)

    def begin(
        self, command: Sequence[str], stdin: bytes, environ: Mapping[str, str], place: Path | None = None
    ) -> subprocess.Popen[bytes] | None:
        """Run it in that folder (default: the current one), unless it ever ran or is being started now; None then.
        Raises OSError if the disk is full."""
        private_folder(self.folder)
        with self._lock() as lock, _unnamed(self.folder.parent, stdin) as given:
            if lock is None or self._state() is not CallState.NONE:
                return None
            try:
                for name, content in (("stdout", b""), ("stderr", b""), ("exit", ROOM), ("started", ROOM)):
                    self._put(name, content)
                began = {"argv": command, "at": time.time(), "boot": boot_id()}
                replace_file(self.folder / "began", encode(began))
                return subprocess.Popen(
                    ["/bin/sh", "-c", RUN, str(self.folder), *command],
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=dict(environ),
                    cwd=place,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
            except OSError:
                (self.folder / "began").unlink(missing_ok=True)
                raise

    def exit_code(self) -> int:
        """For a finished call."""
        return int((self.folder / "exit").read_bytes().split()[0])

    def output(self, stream: str) -> Iterator[bytes]:
        """Its output, in pieces; only the first bytes of a very long one."""
        with open(self.folder / stream, "rb") as file:
            while file.tell() < MOST_OUTPUT and (piece := file.read(PIECE)):
                yield piece

    def forget(self) -> None:
        """Keep only that it existed: a late request for it is not run again."""
        (self.folder / "forgotten").touch(mode=0o600)
        for name in ("stdout", "stderr"):
            (self.folder / name).unlink(missing_ok=True)

    def _state(self) -> CallState:
        if (self.folder / "forgotten").exists():
            return CallState.FORGOTTEN
        if not (self.folder / "began").exists():
            return CallState.NONE
        if self._filled("exit"):
            return CallState.DONE
        return CallState.NONE if self._never_ran() else CallState.LOST

    def _never_ran(self) -> bool:
        """For one that was begun and is not locked. A mark may be missing after a power cut, so a restart of the
        machine leaves it unknown; so does a folder from a release without marks."""
        try:
            boot = load(self.folder / "began").get("boot")
        except ValueError:  # cut short, as that release could leave it
            return False
        return bool(boot) and boot == boot_id() and not self._filled("started")

    def _filled(self, name: str) -> bool:
        try:
            return bool((self.folder / name).read_bytes().split())
        except FileNotFoundError:
            return False

    @contextlib.contextmanager
    def _lock(self, kind: int = fcntl.LOCK_EX) -> Iterator[int | None]:
        """The lock's descriptor, -1 if nothing was ever begun; None while another process has it."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            yield -1
            return
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
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
    """An unnamed file with this content: it may be a secret."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def sweep(calls: Path, now: float) -> None:
    """Remove old calls that are not running."""
    with contextlib.suppress(OSError):
        for folder in calls.iterdir():
            old = folder.is_dir() and now - folder.stat().st_mtime > KEPT_SECONDS
            if old and CallFolder(folder).state() is not CallState.RUNNING:
                shutil.rmtree(folder, ignore_errors=True)
