"""Somebody looks at a host's windows from a terminal of two columns: nothing follows for the agents in them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence

import pytest

from fleetscripts.practice.host_home import environment_of, playground_of, tmux
from tests.conftest import RunScript
from tests.hosts.conftest import MakeLinked
from tests.hosts.linked import LinkedHost
from tests.places import BUNDLE
from tests.waiting import wait_until

OBJECTIVE = "Wait for a word. [[say ready and waiting]]"


@contextlib.contextmanager
def on_terminal(words: Sequence[str], columns: int, lines: int, **more: object) -> Iterator[Callable[[], str]]:
    """A program on a terminal of that size; the caller gets what reads all that it printed."""
    parent, child = pty.openpty()
    os.set_blocking(parent, False)
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    shown = b""

    def read() -> str:
        nonlocal shown
        with contextlib.suppress(BlockingIOError, OSError):
            while piece := os.read(parent, 65536):
                shown += piece
        return shown.decode("utf-8", "replace")

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with subprocess.Popen(
        words, stdin=child, stdout=child, stderr=child, start_new_session=True, preexec_fn=own_terminal, **more,  # type: ignore[call-overload]
    ) as program:  # fmt: skip
        os.close(child)
        try:
            yield read
        finally:
            program.kill()
            os.close(parent)


def width(alpha: LinkedHost) -> int:
    """Columns of the agent's window there."""
    return int(tmux(alpha.there, "-L", "there", "display-message", "-p", "-t", "fleet:1", "#{window_width}"))


@pytest.fixture
def alpha(make_linked: MakeLinked, run_script: RunScript) -> LinkedHost:
    """A host with one agent, that waits."""
    alpha = make_linked()
    alpha.put()
    alpha.begin()
    alpha.there.variables = {**alpha.there.variables, "FLEET_TMUX_SOCKET": "there"}
    repository = str(playground_of(alpha.there, 1).repository)
    tmux(alpha.there, "-L", "there", "-f", "/dev/null", "new-session", "-d", "-s", "fleet", "-x", "120", "-y", "40")
    words = ["--session", "fleet", "--repo", repository, "--agent", "practice", "--branch", "task/one"]
    begun = run_script("spawn-agent", "--host", "alpha", *words, "--objective", OBJECTIVE, timeout=120)
    assert begun.returncode == 0, begun.stderr
    wait_until(lambda: "ready and waiting" in run_script("show", "alpha/fleet:1").stdout)
    return alpha


@pytest.mark.stress
def test_neither_a_link_nor_attach_squeezes_a_window(alpha: LinkedHost) -> None:
    assert width(alpha) == 120
    words = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "attach", "alpha/fleet:1"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TMUX")}
    with on_terminal(words, 2, 1, env=environ) as shown:
        wait_until(lambda: "expected a terminal of 20 columns" in "".join(shown().split("\r\n")), what=shown)
    assert width(alpha) == 120
    with on_terminal(words, 90, 30, env=environ) as shown:
        wait_until(lambda: width(alpha) == 90, what=shown)


@pytest.mark.stress
def test_a_tiny_client_of_somebodys_own_lets_nobody_conclude_anything(alpha: LinkedHost, run_script: RunScript) -> None:
    [before] = alpha.view().fleet.agents
    with on_terminal(
        ["tmux", "-L", "there", "attach", "-t", "fleet:1"], 2, 1, env=environment_of(alpha.there)
    ) as shown:
        wait_until(lambda: width(alpha) == 2, what=shown)
        for _ in range(3):
            assert alpha.call("poll-cycle").exit_code == 0
        [squeezed] = alpha.view().fleet.agents
        assert squeezed.state not in ("escalated", "done", "gone")
        sent = run_script("send-agent", "alpha/fleet:1", "-", input="[[say a second word]]")
        assert sent.returncode in (0, 3), sent.stderr
    with on_terminal(
        ["tmux", "-L", "there", "attach", "-t", "fleet:1"], 120, 41, env=environment_of(alpha.there)
    ) as shown:
        wait_until(lambda: width(alpha) == 120, what=shown)
        if sent.returncode == 3:
            sent = run_script("send-agent", "alpha/fleet:1", "-", input="[[say a second word]]")
            assert sent.returncode == 0, sent.stderr
        wait_until(lambda: "a second word" in run_script("show", "alpha/fleet:1").stdout)
        assert run_script("show", "alpha/fleet:1").stdout.count("[[say a second word]]") <= 1
    assert before.id == alpha.view().fleet.agents[0].id
