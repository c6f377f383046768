"""The process tree below a pane, and which client lives in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from fleetscripts.adapters.system import processes
from fleetscripts.adapters.system.processes import Process, ProcessTable, read_processes, read_trees
from fleetscripts.agents.claude import KIND
from fleetscripts.models import PaneFacts, PaneState
from fleetscripts.services.observe.clients import find_client, work_below
from tests.waiting import wait_until

NOW = 1_000_000.0
FACTS = PaneFacts("%1", command="claude", pid=1_000_001)


def process(pid: int, parent: int, command: str, group: int = 0, foreground: int = 0, **more: str) -> Process:
    argv = (f"/usr/bin/{command}",)
    return Process(pid, parent, group or pid, foreground, more.get("status", "S"), command, "100", argv)


SHELL = process(1_000_001, 1, "bash", foreground=1_000_002)
CLIENT = process(1_000_002, 1_000_001, "claude", foreground=1_000_002)


def found(*listed: Process, facts: PaneFacts = FACTS) -> tuple[PaneState | None, int | None]:
    found = find_client(ProcessTable({one.pid: one for one in listed}), facts, [KIND], NOW)
    return (found.evidence[0].state if found.evidence else None), (found.client.pid if found.client else None)


def test_this_process_is_found_with_its_start_and_its_parent() -> None:
    table = read_processes()
    me = table.by_pid[os.getpid()]
    assert me.parent == os.getppid()
    assert 0 < time.time() - processes.started_at(me, time.time()) < 3600
    assert processes.arguments(me)[0]
    assert me in list(table.tree(os.getppid()))


def test_the_trees_of_a_few_hold_all_that_is_below_them_and_nothing_else() -> None:
    with subprocess.Popen(["sh", "-c", "cat; :"], stdin=subprocess.PIPE) as shell:
        below = wait_until(lambda: [p for p in read_trees([shell.pid]).tree(shell.pid) if p.command == "cat"])
        assert below[0].parent == shell.pid
        if sys.platform == "linux":
            assert {p.pid for p in read_trees([shell.pid]).by_pid.values()} == {shell.pid, below[0].pid}
        assert not read_trees([2**22 + 1]).by_pid or sys.platform != "linux"
        shell.communicate()


def test_a_name_with_brackets_and_blanks_does_not_confuse() -> None:
    rename = "import ctypes,sys; ctypes.CDLL(None).prctl(15, b') S 1 (x'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", rename], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdin
        child.stdout.readline()
        seen = read_processes().by_pid[child.pid]
        child.stdin.close()
    assert (seen.command, seen.parent) == (") S 1 (x", os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is the environment read")
def test_only_the_variables_asked_for_are_read() -> None:
    with subprocess.Popen(["sleep", "60"], env={"HOME": "/h", "SECRET_TOKEN": "x"}) as child:
        wait_until(lambda: read_processes().by_pid[child.pid].command == "sleep")
        assert processes.environment(child.pid, frozenset({"HOME", "CODEX_HOME"})) == {"HOME": "/h"}
        child.kill()


def test_ps_rows_are_read_where_there_is_no_proc() -> None:
    rows = (
        "    1     0     1     0 Ss   1-02:00:00.50 Fri Nov 20 23:00:01 2026 /sbin/launchd\n"
        "  700   699   700   700 S+   0:12.34 Fri Nov 20 23:10:01 2026 /opt/bin/claude --session-id x\n"
    )
    launchd, client = processes.from_ps(rows)
    assert (client.parent, client.in_foreground, client.command) == (699, True, "claude")
    assert client.start_ticks == "Fri Nov 20 23:10:01 2026"
    assert processes.arguments(client) == ("/opt/bin/claude", "--session-id", "x")
    assert (client.cpu_seconds, launchd.cpu_seconds) == (12.34, 93_600.5)


def test_what_a_client_started_shows_when_it_begins_works_and_ends() -> None:
    words = (
        "import subprocess, sys; p = subprocess.Popen(['sh', '-c', 'read x; while :; do :; done'], stdin=0); p.wait()"
    )
    own = os.getpid()
    with subprocess.Popen([sys.executable, "-c", words], stdin=subprocess.PIPE) as child:
        wait_until(lambda: len(list(read_processes().tree(child.pid))) == 2, what="the tool")
        waiting = work_below(read_processes(), child.pid)
        assert waiting == work_below(read_processes(), child.pid)
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
        wait_until(lambda: work_below(read_processes(), child.pid).cpu_seconds >= waiting.cpu_seconds + 0.1)
        assert work_below(read_processes(), child.pid).processes == waiting.processes != ""
        assert work_below(read_processes(), own).processes not in ("", waiting.processes)
        for process_below in list(read_processes().tree(child.pid))[1:]:
            os.kill(process_below.pid, signal.SIGKILL)
        wait_until(lambda: work_below(read_processes(), child.pid).processes == "", what="the tool's end")


def test_the_client_below_the_shell_is_found() -> None:
    assert found(SHELL, CLIENT) == (None, 1_000_002)


def test_the_client_may_be_the_panes_first_process() -> None:
    assert found(process(1_000_001, 1, "claude", foreground=1_000_001)) == (None, 1_000_001)


def test_parents_in_a_circle_end_the_search_all_the_same() -> None:
    assert found(replace(SHELL, parent=1_000_002), replace(CLIENT, command="x", argv=())) == (PaneState.UNKNOWN, None)


def test_the_npm_build_is_known_by_what_node_runs() -> None:
    node = replace(CLIENT, command="node", argv=("node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"))
    assert found(SHELL, node) == (None, 1_000_002)
    assert found(SHELL, replace(node, argv=("node", "server.js"))) == (PaneState.UNKNOWN, None)


def test_what_a_client_starts_is_not_taken_for_it() -> None:
    nested = process(1_000_003, 1_000_002, "claude", foreground=1_000_002)
    assert found(SHELL, CLIENT, nested) == (None, 1_000_002)


def test_without_a_client_a_shell_is_idle_and_anything_else_unknown() -> None:
    assert found(SHELL, facts=replace(FACTS, command="bash")) == (PaneState.IDLE, None)
    assert found(SHELL, facts=replace(FACTS, command="vim")) == (PaneState.UNKNOWN, None)


def test_a_suspended_client_is_unknown() -> None:
    stopped = replace(CLIENT, status="T", foreground_group=1_000_001)
    shell = replace(SHELL, foreground_group=1_000_001)
    assert found(shell, stopped, facts=replace(FACTS, command="bash")) == (PaneState.UNKNOWN, None)


def test_a_dead_pane_and_a_pane_of_another_machine_say_nothing() -> None:
    assert found(SHELL, CLIENT, facts=replace(FACTS, dead=True)) == (None, None)
    assert found() == (None, None)
