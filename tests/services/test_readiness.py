"""When a client that was just started has ended already, and when its window is only not so far yet."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetscripts.errors import FleetError
from fleetscripts.models import PaneFacts
from fleetscripts.services.clients.readiness import require_folder
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


def test_a_client_in_another_folder_is_not_ready(tmp_path: Path) -> None:
    """Whatever led it there. A folder inside, another name of the same one, or one that cannot be told is no reason."""
    (tmp_path / "own" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    own = tmp_path / "own"
    for fine in (own, own / "deep", tmp_path / "link"):
        require_folder(str(fine), own)
        require_folder(str(fine), tmp_path / "link")
    require_folder("", own)
    for wrong in (tmp_path, tmp_path / "own-too", Path("/")):
        with pytest.raises(FleetError, match=f"the client works in {wrong}, expected {own}: nothing was sent to it"):
            require_folder(str(wrong), own)
