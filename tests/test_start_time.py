"""How soon a command begins, beside Python's own start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import BUNDLE, GitRepo, Processes, TmuxServer

MAIN = ["-X", "utf8", str(BUNDLE / "fleetscripts" / "__main__.py")]
SCREEN = str(BUNDLE / "tests/screens/claude/2.1.329-oauth-140x45/limit-wall.txt")
RUNS = 7
MOST = 7
"""Times Python's start; on a quiet machine help takes 4, a saved screen 5.5 of it."""

TWO_AGENTS = '{"agents": [{"window": "fleet:0", "id": "bafodi"}, {"window": "fleet:1", "id": "kelomu"}]}'

MOST_MODULES = {
    "help": (("send-agent", "--help"), 84),
    "a saved screen": (("classify-pane", "--screen", SCREEN), 114),
    "an edit of the record": (("update-agent", "--state-file", "{state}", "--top", "idle_threshold_seconds=300"), 102),
    "status": (("status", "--state-file", "{state}"), 134),
    "status of two agents": (("status", "--state-file", "{agents}"), 146),
    "spare worktrees": (("find-spare", "{repo}"), 131),
}
"""Modules that a call executes beside those of Python's own start, which is what its start costs on any machine."""


def least(*words: str) -> float:
    """The least processor time of several runs, which others on the machine disturb little."""
    return min(processor_time([sys.executable, "-I", *words]) for _ in range(RUNS))


def processor_time(argv: list[str]) -> float:
    with open(os.devnull, "wb") as nowhere:
        started = subprocess.Popen(argv, stdout=nowhere, stderr=nowhere)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0, argv
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(
    "words",
    [("status", "--help"), ("send-agent", "--help"), ("classify-pane", "--screen", SCREEN)],
    ids=["help", "help of a large command", "saved screen"],
)
def test_a_small_command_takes_a_few_times_as_long_as_python(words: tuple[str, ...]) -> None:
    assert least(*MAIN, *words) / least("-c", "pass") < MOST


@pytest.mark.parametrize("name", MOST_MODULES)
def test_a_small_command_executes_few_modules(name: str, git_repo: GitRepo, home: Path, tmp_path: Path) -> None:
    words, most = MOST_MODULES[name]
    git_repo.add_spares(1)
    state = tmp_path / "empty.json"
    state.write_text('{"agents": []}', encoding="utf-8")
    agents = tmp_path / "agents.json"
    agents.write_text(TWO_AGENTS, encoding="utf-8")
    given = [word.format(state=state, agents=agents, repo=git_repo.path) for word in words]
    executed = modules("-X", "importtime", *MAIN, *given) - modules("-X", "importtime", "-c", "pass")
    assert len(executed) <= most, sorted(executed)


def modules(*words: str) -> set[str]:
    """The modules that a call executes, as Python tells."""
    done = subprocess.run([sys.executable, "-I", *words], capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


MOST_PROCESSES = {
    "status": (("status", "--state-file", "{state}"), ["tmux list-panes"]),
    "spare worktrees": (("find-spare", "{repo}"), [*["git status"] * 3, "git worktree"]),
}
"""Processes that a call starts: each takes a fifth of Python's start, and its caller's time to begin it."""


@pytest.mark.parametrize("name", MOST_PROCESSES)
def test_a_small_command_starts_few_processes(
    name: str, git_repo: GitRepo, home: Path, tmux_server: TmuxServer, tmp_path: Path
) -> None:
    words, expected = MOST_PROCESSES[name]
    git_repo.add_spares(3)
    tmux_server.new_session()
    state = tmp_path / "state.json"
    state.write_text(TWO_AGENTS, encoding="utf-8")
    folder = tmp_path / "counting"
    counting = [Processes(folder, "git"), Processes(folder, "tmux")]
    given = [word.format(state=state, repo=git_repo.path) for word in words]
    around = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run([sys.executable, "-I", *MAIN, *given], env=around, check=True, capture_output=True)
    assert sorted(verb for one in counting for verb in one.verbs()) == expected


def test_help_imports_nothing_of_what_the_command_does() -> None:
    code = f"""
import importlib, sys
sys.path.insert(0, {str(BUNDLE)!r})
from fleetscripts import commands
for name in commands.names():
    importlib.import_module(commands.module_of(name))
print([name for name in sys.modules if name.startswith("fleetscripts.services.")])
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
