"""One command of the user's own, run to judge an agent's work: bare environment, bounded time, bounded output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

KEPT_BYTES = 4000
"""The end of the output that is kept."""

_LOOK_EVERY_SECONDS = 0.05
_PIPE_BYTES = 65536

PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("XDG_CACHE_HOME", "XDG_DATA_HOME", "JAVA_HOME", "GOPATH", "CARGO_HOME", "RUSTUP_HOME", "VIRTUAL_ENV"),
)
"""All that the command gets of the environment: nothing in it is a token, nothing says it runs under an agent."""


@dataclass(frozen=True, slots=True)
class Run:
    """How it ended; ``exit_code`` None when it was stopped for taking too long."""

    exit_code: int | None
    output: str


def scrubbed(environ: Mapping[str, str], named: Sequence[str] = ()) -> dict[str, str]:
    """What a command of the user's gets of the environment: PASSED_ON, and what is named, where they are set."""
    return {name: environ[name] for name in (*PASSED_ON, *named) if name in environ}


def run_check(
    command: str,
    folder: Path,
    environ: Mapping[str, str],
    timeout_seconds: float,
    beside: Mapping[str, str] | None = None,
) -> Run:
    """Run ``sh -c command`` in the folder, ``beside`` in its environment too. What it started goes with it."""
    environment = scrubbed(environ) | dict(beside or {})
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise FleetError(f"cannot run the verify command in {folder}: {error.strerror}") from error
    with process:
        try:
            kept = _ending(process, time.monotonic() + timeout_seconds)
            timed_out = not _ended(process)
        finally:
            _kill_group(process)
    return Run(None if timed_out else process.returncode, kept.decode("utf-8", "replace"))


def _ending(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """The end of its output, once it has ended or the time is up; nobody else who holds the pipe is waited for."""
    assert process.stdout is not None
    pipe, kept, after_the_end = process.stdout.fileno(), b"", 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < deadline and after_the_end < _PIPE_BYTES:
            ended = _ended(process)
            if selector.select(0 if ended else _LOOK_EVERY_SECONDS):
                chunk = os.read(pipe, _PIPE_BYTES)
                kept = (kept + chunk)[-KEPT_BYTES:]
                after_the_end += len(chunk) if ended else 0
                if chunk:
                    continue
                selector.unregister(pipe)
            if ended:
                break
    return kept


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; not reaped yet, so its number and its group's stay its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what the command left in the background too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
