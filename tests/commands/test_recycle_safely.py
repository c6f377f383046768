"""recycle-agent where not everything is seen or the window is shared: nobody else is hit, nobody lives on unseen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.test_recycle_agent import Work, processes_in, uncommitted, work
from tests.conftest import RunScript
from tests.places import TmuxServer
from tests.waiting import wait_until

__all__ = ["work"]


@pytest.fixture
def other_server() -> Iterator[TmuxServer]:
    """A second tmux server beside the fleet's."""
    server = TmuxServer(f"o{uuid.uuid4().hex[:8]}")
    server.new_session("elsewhere", ["sleep", "900"])
    yield server
    server.kill()


def untouched(run_script: RunScript, work: Work, *words: str, env: dict[str, str | None] | None = None) -> str:
    """Refused with one line; pane, branch, files, record and refs are as they were."""
    place = work.git("status", "--porcelain", "--branch")
    done = run_script("recycle-agent", "spare-1", *words, env=env)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert work.git("status", "--porcelain", "--branch") == place
    assert work.rescues() == []
    assert alive(work.pane.pid)
    agent = json.loads((work.home / "state.json").read_text())["agents"][0]
    assert (agent.get("state", "running"), agent.get("held", "")) == ("running", "")
    assert not list((work.home / "fleet" / "recycling").glob("*"))
    return done.stderr


def alive(pid: int) -> bool:
    """Running: what has ended may wait for a parent that never asks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("how", ["another server", "no server there"])
def test_the_server_of_the_record_is_asked_whichever_one_the_call_names(
    run_script: RunScript, work: Work, other_server: TmuxServer, how: str
) -> None:
    named = other_server.socket if how == "another server" else "nobody-listens-here"
    done = run_script("recycle-agent", "spare-1", env={"FLEET_TMUX_SOCKET": named})
    assert done.returncode == 0, done.stderr
    assert work.is_spare_again()
    assert processes_in(work.path) == []
    assert other_server.run("list-panes", "-a", "-F", "#{pane_dead}") == "0"


def test_a_server_whose_socket_is_gone_lives_all_the_same(run_script: RunScript, work: Work) -> None:
    server = work.tmux.require_server()
    Path(server.socket).unlink()
    said = untouched(run_script, work, "--force")
    assert f"kill -USR1 {server.pid}" in said
    os.kill(server.pid, signal.SIGUSR1)
    wait_until(lambda: Path(server.socket).exists())
    assert run_script("recycle-agent", "spare-1").returncode == 0
    assert work.is_spare_again()


def test_a_socket_that_another_server_has_taken_over_proves_nothing(run_script: RunScript, work: Work) -> None:
    server = work.tmux.require_server()
    Path(server.socket).unlink()
    work.server.new_session("new", ["sleep", "900"])
    try:
        assert f"ps --ppid {server.pid}" in untouched(run_script, work, "--force")
    finally:
        os.kill(server.pid, signal.SIGKILL)


@pytest.mark.parametrize("why", ["Resource temporarily unavailable", "Permission denied", "Too many open files"])
def test_a_server_that_cannot_be_asked_is_not_gone(run_script: RunScript, work: Work, tmp_path: Path, why: str) -> None:
    """In tmux's own words; a real server whose queue is full says the first, or nothing until the time is over."""
    shim = tmp_path / "bin"
    shim.mkdir()
    (shim / "tmux").write_text(f"#!/bin/sh\necho 'error connecting to /x ({why})' >&2\nexit 1\n")
    (shim / "tmux").chmod(0o755)
    said = untouched(run_script, work, "--force", env={"PATH": f"{shim}:{os.environ['PATH']}"})
    assert why in said


def left_by_the_agent(work: Work, command: str, folder: Path, **environment: str) -> int:
    """What ``nohup setsid … &`` leaves of a command of the agent's."""
    server = work.tmux.require_server()
    told = {"TMUX": f"{server.socket},{server.pid},0", "TMUX_PANE": work.pane.pane_id} | environment
    words = ["setsid", "--fork", "nohup", "/bin/sh", "-c", f'echo "$$" > {work.home}/left; {command}']
    subprocess.run(
        words, cwd=folder, env=os.environ | told, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return int(wait_until(lambda: (work.home / "left").exists() and (work.home / "left").read_text().strip()))


WRITER = "trap '' TERM HUP; while :; do date >> {path}/log; sleep 0.05; done"


@pytest.mark.parametrize("mark", ["pane", "launch"])
def test_what_the_agent_left_running_has_ended_before_the_worktree_is_given_away(
    run_script: RunScript, work: Work, mark: str
) -> None:
    pane = {} if mark == "pane" else {"TMUX": "", "TMUX_PANE": "", "FLEET_WORKTREE": str(work.path)}
    pid = left_by_the_agent(work, WRITER.format(path=work.path), work.path, **pane)
    done = run_script("recycle-agent", "spare-1", "--force")
    assert done.returncode == 0, done.stderr
    assert not alive(pid)
    assert work.is_spare_again()


@pytest.mark.parametrize("mark", ["pane", "launch"])
def test_what_the_agent_began_and_works_elsewhere_is_named(run_script: RunScript, work: Work, mark: str) -> None:
    pane = {} if mark == "pane" else {"TMUX": "", "TMUX_PANE": "", "FLEET_WORKTREE": str(work.path)}
    pid = left_by_the_agent(work, WRITER.format(path=work.path), Path("/"), **pane)
    try:
        assert f"kill {pid}" in untouched(run_script, work, "--force")
    finally:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid))
    assert run_script("recycle-agent", "spare-1", "--force").returncode == 0


def test_a_process_of_somebody_else_in_the_worktree_is_named_and_lives(run_script: RunScript, work: Work) -> None:
    (work.path / "deep").mkdir()
    with subprocess.Popen(["sleep", "900"], cwd=work.path / "deep") as editor:
        said = untouched(run_script, work, "--force")
        assert f"pid {editor.pid} (sleep 900) works in the worktree: end it (kill {editor.pid})" in said
        assert editor.poll() is None
        editor.kill()


def test_a_conversation_that_is_open_in_another_terminal_is_named(
    run_script: RunScript, work: Work, tmp_path: Path
) -> None:
    session = str(uuid.uuid4())
    work.record(session_id=session)
    client = tmp_path / "claude"
    client.symlink_to(shutil.which("sleep") or "/bin/sleep")
    words = ["/bin/sh", "-c", f'exec "{client}" 900', "x"]
    sessions = work.home / ".claude" / "sessions"
    sessions.mkdir(parents=True)
    with subprocess.Popen(words, cwd="/") as alive:
        start = wait_until(lambda: started(alive.pid, "claude"))
        record = {"pid": alive.pid, "sessionId": session, "cwd": "/", "procStart": start, "status": "idle"}
        (sessions / f"{alive.pid}.json").write_text(json.dumps(record))
        assert f"kill {alive.pid}" in untouched(run_script, work, "--force")
        assert alive.poll() is None
        alive.kill()


def started(pid: int, name: str) -> str:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[19] if f"({name})" in stat else ""


class Daemon:
    """One for all of a user's sessions, begun below the agent's pane, with two sessions in processes of their own."""

    def __init__(self, work: Work) -> None:
        self.home, self.sessions = work.home, work.home / ".claude" / "sessions"
        self.sessions.mkdir(parents=True)
        (work.home / "daemon").write_text(
            f'for place in {work.path} {work.home}; do (cd "$place" && exec sleep 900) &'
            f' echo "$!" >{work.home}/held."${{place##*/}}"; done; wait'
        )
        begin = f"setsid bash -c 'cd {work.home} && exec -a claude bash daemon' & exec sleep 900"
        pane = ("-t", work.pane.pane_id, "-c", str(work.path))
        work.server.run("respawn-pane", "-k", *pane, "bash", "-c", begin)
        self.mine, self.others = (self._held(name) for name in (work.path.name, work.home.name))

    def _held(self, name: str) -> int:
        said = self.home / f"held.{name}"
        return int(wait_until(lambda: said.exists() and said.read_text().strip(), what=f"the session in {name}"))

    def register(self, pid: int, session_id: str) -> None:
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        record = {"pid": pid, "procStart": ticks, "sessionId": session_id, "kind": "bg", "jobId": session_id[:8]}
        (self.sessions / f"{pid}.json").write_text(json.dumps(record))


def test_of_a_service_of_all_sessions_only_the_agents_own_is_ended(run_script: RunScript, work: Work) -> None:
    daemon = Daemon(work)
    session_id = str(uuid.uuid4())
    state = json.loads((work.home / "state.json").read_text())
    state["agents"][0]["session_id"] = session_id
    (work.home / "state.json").write_text(json.dumps(state))
    refused = run_script("recycle-agent", "spare-1")
    assert refused.returncode == 3
    assert f"(kill {daemon.mine})" in refused.stderr
    assert alive(daemon.mine)
    daemon.register(daemon.mine, session_id)
    daemon.register(daemon.others, str(uuid.uuid4()))
    done = run_script("recycle-agent", "spare-1")
    assert done.returncode == 0, done.stderr
    assert work.is_spare_again()
    assert alive(daemon.others)
    assert not alive(daemon.mine)
    os.kill(daemon.others, signal.SIGKILL)


def test_only_the_agents_own_pane_is_closed(run_script: RunScript, work: Work) -> None:
    """Beside it in the same window: another agent in the middle of a turn, and a person's editor."""
    split = ["split-window", "-d", "-P", "-F", "#{pane_id} #{pane_pid}", "-t", work.pane.pane_id, "-c", "/"]
    beside = [work.server.run(*split, "sleep", number).split() for number in ("901", "902")]
    done = run_script("recycle-agent", "spare-1")
    assert done.returncode == 0, done.stderr
    assert work.is_spare_again()
    panes = work.server.run("list-panes", "-a", "-F", "#{pane_id} #{pane_pid} #{window_id}").splitlines()
    for pane, pid in beside:
        assert f"{pane} {pid} {work.pane.window_id}" in panes
        assert alive(int(pid))


def test_the_decision_stands_in_the_record_before_anything_is_closed(run_script: RunScript, work: Work) -> None:
    """Killed at the first sight of its note: the loop finds the agent held, whatever else was done."""
    uncommitted(work)
    state = work.home / "state.json"
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$@"', "sh", *command_line("recycle-agent", "spare-1", "--force")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        wait_until(lambda: "held" in state.read_text() or process.poll() is not None)
        process.kill()
    agent = json.loads(state.read_text())["agents"][0]
    assert agent.get("held") or agent["state"] == "recycled"
    assert run_script("recycle-agent", "spare-1").returncode == 0
    assert work.is_spare_again()
    assert "held" not in json.loads(state.read_text())["agents"][0]


def command_line(*words: str) -> list[str]:
    import sys

    from tests.places import BUNDLE

    return [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), *words]
