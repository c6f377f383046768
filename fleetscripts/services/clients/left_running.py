"""Processes still running in a worktree or started from its agent's pane, by working folder and environment."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from fleetscripts.adapters.system import processes
from fleetscripts.adapters.system.processes import Process, ProcessTable, read_processes
from fleetscripts.agents.kinds import known_kinds
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent
from fleetscripts.services.clients.closing import HANGUP_SECONDS, ask_to_end, end
from fleetscripts.services.clients.launch import WORKTREE_VARIABLE
from fleetscripts.services.observe.user_services import below_services, holds_session_of, is_service, own_tree

TELLS_ORIGIN = frozenset({"TMUX", "TMUX_PANE", WORKTREE_VARIABLE})

SHARED = frozenset({
    "tmux", "gpg-agent", "ssh-agent", "keyboxd", "dirmngr", "scdaemon", "dbus-daemon", "watchman", "dockerd",
    "containerd", "buildkitd", "adb", "bazel", "sccache", "nix-daemon",
    "org.gradle.launcher.daemon.bootstrap.GradleDaemon", "org.jetbrains.kotlin.daemon.KotlinCompileDaemon",
    "credential-cache--daemon", "fsmonitor--daemon",
})  # fmt: skip
"""One for all of a user's work, whoever's call began it: to end one would hit others. By program, or by the word after
it that names what a ``java`` or a ``git`` runs."""

BEGINNING_SECONDS = 0.2
"""Between a process's fork and when its own program and environment can be read."""

LOOKS = 20
"""Ending processes may leave new ones behind; a shell script in a loop has ended after one or two looks."""


@dataclass(frozen=True, slots=True)
class LeftoverProcess:
    """One process outside the agent's pane. ``marked``: its environment shows that the agent started it. ``inside``: it
    works in the worktree."""

    process: Process
    words: str
    marked: bool
    inside: bool

    @property
    def is_own(self) -> bool:
        """Whether the agent certainly left it in its worktree."""
        return self.marked and self.inside

    @property
    def said(self) -> str:
        """Its description, for a person who is to end it."""
        why = "works in the worktree" if self.inside else "was begun by the agent"
        return f"pid {self.process.pid} ({self.words[:80]}) {why}"


def left_running(agent: Agent, folder: Path, pane_pid: int | None) -> list[LeftoverProcess]:
    """All but the pane's own processes, ourselves, and the shells that called us.

    Looks twice if any is not certainly the agent's: a process just forked shows no environment yet."""
    found = _look(agent, folder, pane_pid)
    if all(left.is_own for left in found):
        return found
    time.sleep(BEGINNING_SECONDS)
    before = {(left.process.pid, left.process.start_ticks) for left in found}
    again = _look(agent, folder, pane_pid)
    return [left for left in again if left.is_own or (left.process.pid, left.process.start_ticks) in before]


def _look(agent: Agent, folder: Path, pane_pid: int | None) -> list[LeftoverProcess]:
    table = read_processes()
    passed = {process.pid for process in own_tree(table, pane_pid)} if pane_pid else set()
    passed |= set(_own_chain(table)) | ({agent.tmux_server.pid} if agent.tmux_server else set())
    held = below_services(table)
    inside = {process.pid for process in processes.working_in(folder, table)}
    found = []
    for process in table.by_pid.values():
        if process.pid in passed or (process.pid in held and process.pid not in inside):
            continue
        own = holds_session_of(agent, table, process) if process.pid in held else _begun_by(process, agent, folder)
        found.append(_left(process, marked=own, inside=process.pid in inside))
    return [left for left in found if left is not None]


def refuse_others(found: Sequence[LeftoverProcess]) -> None:
    """Refuse while anything runs that is not certainly the agent's own and in its worktree."""
    others = [left for left in found if not left.is_own]
    if others:
        pids = " ".join(str(left.process.pid) for left in others)
        raise Refusal(f"{'; '.join(left.said for left in others[:3])}: end it (kill {pids}), then call again")


def end_own(agent: Agent, folder: Path) -> None:
    """End what the agent left running in its worktree; Refusal if there is anything else."""
    for _ in range(LOOKS):
        found = left_running(agent, folder, None)
        refuse_others(found)
        if not found:
            return
        own = [left.process for left in found]
        ask_to_end(own)
        end(own, HANGUP_SECONDS)
    raise Refusal(
        f"what the agent left running in {folder} restarts each time: {found[0].said}; end it, then call again"
    )


def _left(process: Process, *, marked: bool, inside: bool) -> LeftoverProcess | None:
    if process.status.startswith("Z") or not (inside or marked):
        return None
    words = shlex.join(processes.arguments(process)) or process.command
    left = LeftoverProcess(process, words, marked, inside)
    return None if _is_shared(process) and not left.is_own else left


def _is_shared(process: Process) -> bool:
    if is_service(process):
        return True
    argv = processes.arguments(process)
    program = argv[0].rpartition("/")[2] if argv else ""
    running = set(argv[1:]) if program in ("java", "git") else set()
    return bool(SHARED & {process.command.split(":")[0], program, *running})


def _begun_by(process: Process, agent: Agent, folder: Path) -> bool:
    """Whether its environment is that of the agent's client or pane. An adopted pane had other uses before."""
    told = processes.environment(process.pid, TELLS_ORIGIN)
    if told.get(WORKTREE_VARIABLE, "") in {str(folder), agent.worktree_path} - {""}:
        return True
    if not agent.pane_id or told.get("TMUX_PANE") != agent.pane_id or agent.tmux_server is None:
        return False
    same = _server_in(told.get("TMUX", "")) == (agent.tmux_server.socket, agent.tmux_server.pid)
    return same and processes.started_at(process, time.time()) >= agent.spawned_at - 1


def _server_in(variable: str) -> tuple[str, int] | None:
    words = variable.rsplit(",", 2)
    return (words[0], int(words[1])) if len(words) == 3 and words[1].isdigit() else None


def _own_chain(table: ProcessTable) -> Iterator[int]:
    """This process and its ancestors, up to the first client: that may be the one working there."""
    kinds, pid, seen = known_kinds(), os.getpid(), set[int]()
    while pid in table.by_pid and pid not in seen:
        process = table.by_pid[pid]
        if any(kind.is_client(process.command, processes.arguments(process)) for kind in kinds):
            return
        yield pid
        seen.add(pid)
        pid = process.parent
