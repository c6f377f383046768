"""A helper that begins a call and is killed: ``python -m tests.call_kills FOLDER``, a process of its own that forks.

Prints, as JSON, for each line that ``begin`` runs through, how often the command ran when the helper was killed before
that line and another began the call after it, and the state at the end; and the same of several that begin at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from fleetscripts.adapters.records import call_folder, files
from fleetscripts.adapters.records.call_folder import CallFolder

TRACED = {call_folder.__file__, files.__file__}


def command(folder: Path) -> list[str]:
    """Leaves a line in a file beside the call each time that it runs."""
    return ["/bin/sh", "-c", 'echo x >>"$0"', f"{folder}.ran"]


def runs(folder: Path) -> int:
    """How often the command ran."""
    path = Path(f"{folder}.ran")
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


def forked(work: Callable[[], object]) -> int:
    """Do it in a process of its own; its id."""
    if child := os.fork():
        return child
    try:
        work()
    finally:
        os._exit(0)


def begin(folder: Path) -> None:
    """As a helper does, up to the end of the call."""
    CallFolder(folder).begin(command(folder), b"", os.environ)
    CallFolder(folder).wait()


def begin_until(folder: Path, line: int) -> None:
    """Begin the call, and be killed before that line."""
    left = line

    def traced(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in TRACED:
            return None
        left -= event == "line"
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return traced

    sys.settrace(traced)
    CallFolder(folder).begin(command(folder), b"", os.environ)
    sys.settrace(None)


def killed_before_its_process(event: str, words: tuple[Any, ...]) -> None:
    """An audit hook."""
    if event == "subprocess.Popen":
        os.kill(os.getpid(), signal.SIGKILL)


def begin_without_process(folder: Path) -> None:
    """Begin the call, and be killed just before its process starts."""

    def work() -> None:
        sys.addaudithook(killed_before_its_process)
        begin(folder)

    os.waitpid(forked(work), 0)


def end(folder: Path) -> tuple[int, str]:
    """Runs and state."""
    return runs(folder), CallFolder(folder).state().value


def each_line(place: Path) -> list[tuple[int, str]]:
    """The end of a call for each line that its first helper was killed before."""
    ends: list[tuple[int, str]] = []
    killed = True
    while killed:
        folder, line = place / str(len(ends)), len(ends) + 1
        child = forked(partial(begin_until, folder, line))
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        begin(folder)
        ends.append(end(folder))
    return ends


def at_once(folder: Path, helpers: int) -> tuple[int, str]:
    """The end of a call that several helpers begin at the same moment after one was killed."""
    begin_without_process(folder)
    ready, go = os.pipe()

    def work() -> None:
        os.close(go)
        os.read(ready, 1)
        begin(folder)

    children = [forked(work) for _ in range(helpers)]
    os.close(go)
    for child in children:
        os.waitpid(child, 0)
    os.close(ready)
    return end(folder)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print(json.dumps({"lines": each_line(place), "races": [at_once(place / f"race{n}", 4) for n in range(8)]}))
