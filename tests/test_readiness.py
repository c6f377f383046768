"""When a client that was just started has ended already, and when its window is only not so far yet."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetscripts.models import PaneFacts
from fleetscripts.services.observe.launching import WRAPPER, still_launching
from tests.waiting import wait_until


@contextmanager
def running(argv: Sequence[str]) -> Iterator[int]:
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        if cmdline.exists():
            wait_until(lambda: cmdline.read_bytes().startswith(argv[0].encode()), what="its start")
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("argv", "launching"),
    [
        (["/bin/sh", "-c", "read x; exit", WRAPPER, "claude"], True),
        (["/bin/sleep", "900"], True),
        (["/bin/sh", "-i"], False),
        (["/bin/bash", "--norc", "-i"], False),
    ],
)
def test_it_has_ended_once_a_shell_stands_there(argv: list[str], launching: bool) -> None:
    """What runs before the wrapper (tmux's own fork) is no shell, whatever tmux already calls it."""
    with running(argv) as pid:
        assert still_launching(PaneFacts(pane_id="%1", command="sh", pid=pid)) is launching


def test_a_process_that_is_not_listed_tells_nothing_and_a_dead_pane_has_ended() -> None:
    assert still_launching(PaneFacts(pane_id="%1", command="sh", pid=2**22 + 1))
    assert not still_launching(PaneFacts(pane_id="%1", command="sh", pid=2**22 + 1, dead=True))
