"""Runs one command in its own process group: held until it is recorded, streamed, ended with all its children."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscripts.adapters.system.processes import Process, environment, read_processes
from fleetscripts.errors import FleetError

HELD_BACK = 'IFS= read -r go || exit 125; exec /bin/sh -c "$0" </dev/null'
"""Waits for one line before the command: if its caller dies, it never starts."""

LOOK_EVERY_SECONDS = 0.05
GRACE_SECONDS = 10.0
"""Time to take containers down."""

VANISH_SECONDS = 10.0
_PIPE_BYTES = 65536


class GroupCommand:
    """A shell command that its user configured. ``environ`` is its whole environment; ``grace_seconds``: between
    SIGTERM and SIGKILL, 0: no SIGTERM."""

    def __init__(
        self, command: str, folder: Path, environ: Mapping[str, str], grace_seconds: float = GRACE_SECONDS
    ) -> None:
        self._grace_seconds = grace_seconds
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", HELD_BACK, command],
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise FleetError(f"cannot run the command in {folder}: {error}") from error
        self.group = self._process.pid
        leader = read_processes().by_pid.get(self.group)
        self.start_ticks = leader.start_ticks if leader is not None else ""

    def run(self, seconds: float, heard: Callable[[bytes], None]) -> int | None:
        """Let it start; returns its exit code, None on a timeout. Kills what it leaves behind, either way."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"go\n")
            self._process.stdin.close()
        self._stream(self._process.stdout.fileno(), time.monotonic() + seconds, heard)
        in_time = self._ended()
        self.end()
        return self._process.returncode if in_time else None

    def end(self) -> None:
        """End it and its children: SIGTERM first, then SIGKILL. It is reaped last: until then its number is not
        reused."""
        if self._process.returncode is not None:
            return
        if self._grace_seconds and self._members():
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + self._grace_seconds
            while self._members() and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY_SECONDS)
        self._signal(signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            self._process.__exit__(None, None, None)

    def _stream(self, pipe: int, deadline: float, heard: Callable[[bytes], None]) -> None:
        """All output until it has ended; other holders of the pipe are not waited for."""
        after_the_end = 0
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while time.monotonic() < deadline and after_the_end < _PIPE_BYTES:
                ended = self._ended()
                if selector.get_map() and selector.select(0 if ended else LOOK_EVERY_SECONDS):
                    chunk = os.read(pipe, _PIPE_BYTES)
                    after_the_end += len(chunk) if ended else 0
                    if chunk:
                        heard(chunk)
                        continue
                    selector.unregister(pipe)
                elif not selector.get_map():
                    time.sleep(LOOK_EVERY_SECONDS)
                if ended:
                    return

    def _ended(self) -> bool:
        """Whether it has ended; does not reap it."""
        return os.waitid(os.P_PID, self.group, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _members(self) -> list[Process]:
        return [process for process in _living() if process.group == self.group]

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(self.group, number)


def left_behind(group: int, start_ticks: str, mark: tuple[str, str]) -> list[Process]:
    """Surviving members of a group whose starter died. ``mark``: a variable that only this group's members have. The
    leader's start tells the group from a later one of the same number; without a leader, the mark does."""
    members = [process for process in _living() if group and process.group == group]
    leader = next((process for process in members if process.pid == group), None)
    if leader is not None:
        return members if leader.start_ticks == start_ticks else []
    name, value = mark
    return [p for p in members if environment(p.pid, frozenset({name})).get(name) == value]


def _living() -> list[Process]:
    return [process for process in read_processes().by_pid.values() if not process.status.startswith("Z")]


def end_left_behind(group: int, start_ticks: str, mark: tuple[str, str]) -> int:
    """Kill them and wait until they are gone; returns how many there were."""
    found = left_behind(group, start_ticks, mark)
    for process in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + VANISH_SECONDS
    while (still := left_behind(group, start_ticks, mark)) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_SECONDS)
    if still:
        pids = ", ".join(str(process.pid) for process in still)
        raise FleetError(f"processes of an earlier test run do not end ({pids}): end them, then try again")
    return len(found)
