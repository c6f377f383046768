"""``attach``: inside its tmux the client switches, outside the terminal attaches, in a pipe the line is told."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunScript
from tests.places import BUNDLE, TmuxServer
from tests.waiting import wait_until

ATTACH = shlex.join([sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "attach", "w"])


@pytest.fixture
def outer(tmux_server: TmuxServer) -> Iterator[TmuxServer]:
    """A terminal of the user's own: a window of another server."""
    server = TmuxServer(f"{tmux_server.socket}o")
    yield server
    server.kill()


@pytest.fixture
def pane(tmux_server: TmuxServer, home: Path) -> str:
    """The pane of the agent ``w``, which is not the one that its session shows."""
    tmux_server.new_session(name="a b'$(c)")
    tmux_server.new_session(command=["sh"])
    found = tmux_server.new_window(command=["sh", "-c", "echo here it works; exec sleep 900"])
    pid, begun, socket = tmux_server.run("display-message", "-p", "#{pid} #{start_time} #{socket_path}").split()
    server = {"socket": socket, "pid": int(pid), "start_time": int(begun)}
    agent = {"window": "fleet:1", "worktree": "w", "pane_id": found, "tmux_server": server}
    (home / "state.json").write_text(json.dumps({"agents": [agent]}), encoding="utf-8")
    return found


def test_outside_of_tmux_the_terminal_attaches(tmux_server: TmuxServer, outer: TmuxServer, pane: str) -> None:
    seat = outer.new_session("seat", ["env", "-u", "TMUX", "-u", "TMUX_PANE", "sh"])
    outer.run("send-keys", "-t", seat, ATTACH, "Enter")
    wait_until(lambda: "here it works" in outer.screen(seat), what=lambda: outer.screen(seat))
    assert tmux_server.run("list-clients", "-F", "#{pane_id}") == pane


def test_inside_its_tmux_the_client_switches(tmux_server: TmuxServer, outer: TmuxServer, pane: str) -> None:
    first = tmux_server.new_session("elsewhere", ["sh"])
    seat = outer.new_session("seat", ["env", "-u", "TMUX", "tmux", "-L", tmux_server.socket, "attach", "-t", first])
    wait_until(lambda: tmux_server.run("list-clients"), what="a client")
    outer.run("send-keys", "-t", seat, ATTACH, "Enter")
    wait_until(lambda: "here it works" in outer.screen(seat), what=lambda: outer.screen(seat))
    assert tmux_server.run("list-clients", "-F", "#{pane_id}") == pane


def test_in_another_tmux_the_line_is_told(tmux_server: TmuxServer, outer: TmuxServer, pane: str) -> None:
    seat = outer.new_session("seat", ["sh"], width=200)
    outer.run("send-keys", "-t", seat, f"{ATTACH}; echo code=$?", "Enter")
    wait_until(lambda: "code=3" in outer.screen(seat), what=lambda: outer.screen(seat))
    assert "this terminal is in another tmux" in outer.screen(seat)
    assert "attach-session" in outer.screen(seat)


def test_in_a_pipe_a_line_that_works_is_told_and_nothing_is_done(
    tmux_server: TmuxServer, outer: TmuxServer, pane: str, run_script: RunScript
) -> None:
    before = tmux_server.run("list-windows", "-a", "-F", "#{window_id} #{window_active}")
    done = run_script("attach", "w", env={"TMUX": None, "TMUX_PANE": None})
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    assert tmux_server.run("list-windows", "-a", "-F", "#{window_id} #{window_active}") == before
    seat = outer.new_session("seat", ["env", "-u", "TMUX", "-u", "TMUX_PANE", "sh"])
    outer.run("send-keys", "-t", seat, done.stdout.strip(), "Enter")
    wait_until(lambda: "here it works" in outer.screen(seat), what=lambda: outer.screen(seat))


def test_a_window_without_an_agent_and_a_session_with_an_odd_name(pane: str, run_script: RunScript) -> None:
    done = run_script("attach", "a b'$(c):0", env={"TMUX": None})
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    words = shlex.split(done.stdout)
    assert words[words.index("-t") + 1].startswith("=a b'$(c):@")
    shown = subprocess.run(["sh", "-c", f"echo {done.stdout.strip()}"], capture_output=True, text=True, check=True)
    assert "=a b'$(c):@" in shown.stdout


def test_where_nobody_can_go_the_way_out_is_told(
    tmux_server: TmuxServer, pane: str, home: Path, run_script: RunScript
) -> None:
    tmux_server.run("kill-pane", "-t", pane)
    done = run_script("attach", "w")
    assert (done.returncode, "restore-agent w opens it again" in done.stderr) == (1, True), done.stderr
    tmux_server.kill()
    assert "restore-agent w opens it again" in run_script("attach", "w").stderr
    for call in (["send-agent", "w", "go on"], ["interrupt-agent", "w"]):
        gone = run_script(*call)
        assert (gone.returncode, "restore-agent --all brings them back" in gone.stderr) == (1, True), gone.stderr
    unknown = run_script("attach", "nobody")
    assert (unknown.returncode, "no tmux server" in unknown.stderr) == (1, True)
    agent = json.loads((home / "state.json").read_text())["agents"][0]
    (home / "state.json").write_text(json.dumps({"agents": [agent | {"state": "recycled"}]}))
    assert "is recycled" in run_script("attach", "w").stderr
    (home / "state.json").unlink()
    assert run_script("attach", "w").returncode == 1
