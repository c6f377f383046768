"""Runs one git process: killed with its children if it takes too long or blocks on a named pipe, and stopped by the
system if it reads without end."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.system.processes import read_processes

LOOK_EVERY_SECONDS = 1.0
"""No checks before this: most calls take a hundredth of it."""
MOST_BYTES = 4 << 30
"""Memory, without mapped files: an index of millions of files takes a fraction, a link to an endless device all."""
_OPENING_A_PIPE = ("wait_for_partner", "fifo_open")
"""Where a Linux process sleeps that opens a named pipe without a writer."""


class TookTooLong(Exception):
    """It did not end in time; the message says so in a few words."""


class GitProcess:
    """One that has begun. It has no terminal, so nothing can prompt there."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        _bound(self._process.pid)

    def done(self, given: bytes, timeout_seconds: float) -> subprocess.CompletedProcess[bytes]:
        """The output, once it has ended. ``given``: its standard input."""
        with self._process as process:
            try:
                out, err = _output(process, given, timeout_seconds)
            except BaseException:
                self._kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def stop(self) -> None:
        """End it where nobody wants to know any more what it prints."""
        if self._process.returncode is None:
            self._kill()
            with self._process:
                pass

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
            os.killpg(self._process.pid, signal.SIGKILL)


def _output(process: subprocess.Popen[bytes], given: bytes, timeout_seconds: float) -> tuple[bytes, bytes]:
    """Standard output and error, once it has ended."""
    deadline = time.monotonic() + timeout_seconds
    rest: bytes | None = given
    stuck = False
    while (left := deadline - time.monotonic()) > 0:
        try:
            return process.communicate(rest, timeout=min(LOOK_EVERY_SECONDS, left))
        except subprocess.TimeoutExpired:
            rest = None  # it was taken over at the first call
        before, stuck = stuck, _opens_a_pipe(process.pid)
        if before and stuck:
            raise TookTooLong("waits for a pipe in a file's place (find -type p)")
    raise TookTooLong(f"did not finish in {timeout_seconds:g} s")


def _bound(pid: int) -> None:
    """Only Linux can set another process's limit, and does not count mapped memory."""
    if hasattr(resource, "prlimit"):
        with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):  # it has ended, or is bound closer
            resource.prlimit(pid, resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))


def _opens_a_pipe(group: int) -> bool:
    """Whether a process of this group waits for the other end of a named pipe; False if that is unknown."""
    members = [process.pid for process in read_processes().by_pid.values() if process.group == group]
    return any(_sleeps_in(pid) in _OPENING_A_PIPE for pid in members)


def _sleeps_in(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/wchan").read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
