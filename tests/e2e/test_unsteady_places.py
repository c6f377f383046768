"""The whole life of agents while windows, panes, sessions and servers are not what the numbers say.

Spawned, at work, verified, recycled, restored, dispatched anew; after each step everything that must still exist is
looked at: processes, panes, branches, commits, files and records of everybody else.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.playground import Playground
from tests.e2e.crew import Crew
from tests.e2e.quick import quick_crew
from tests.places import BUNDLE
from tests.records import flat
from tests.waiting import wait_until

STEPS = ("spawned", "verified", "recycled", "restored", "dispatched")
CHECKS_A_STEP = 10


@dataclass
class Life:
    """Two agents, ``mine`` and ``other``, and a person's editor."""

    crew: Crew
    editor: str = ""
    editor_pid: int = 0
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """What calls find in their environment beside the stage's own."""
    checks: int = 0

    def call(self, *words: str, code: int = 0) -> str:
        """One of the scripts, by its exit code."""
        done = subprocess.run(
            [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), *words],
            env=self.crew.stage.environment() | self.elsewhere,
            cwd=self.crew.playground.repository,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}: {done.stdout}{done.stderr}\n{self.crew.screens()}"
        return done.stdout or done.stderr

    def tmux(self, *words: str) -> str:
        found = self.crew.stage.tmux(*words)
        assert found is not None, words
        return found.strip()

    def record(self, branch: str) -> dict[str, Any]:
        agents = json.loads((self.crew.stage.folder / "state.json").read_text())["agents"]
        return next(flat(agent) for agent in reversed(agents) if agent["branch"] == branch)

    def git(self, *words: str) -> str:
        return self.crew.run_git(*words).strip()

    def stands(self, branch: str, note: str) -> Iterator[tuple[str, bool]]:
        """What must exist of one agent at work: six facts."""
        agent = self.record(branch)
        folder, pane = Path(agent["worktree_path"]), agent["pane_id"]
        panes = self.tmux("list-panes", "-a", "-F", "#{pane_id} #{pane_dead} #{pane_current_path}").splitlines()
        yield f"{branch}'s pane", f"{pane} 0 {folder}" in panes
        yield f"{branch}'s client", bool(self.crew.registry(agent["session_id"]))
        yield f"{branch}'s branch", self.git("-C", str(folder), "symbolic-ref", "--short", "HEAD") == branch
        yield f"{branch}'s file", (folder / "note.txt").read_text() == note
        yield f"{branch}'s ignored file", (folder / ".env").read_text() == note
        yield f"{branch}'s record", agent["state"] in ("running", "idle", "stuck", "complete")

    def check(self, step: str, facts: Iterator[tuple[str, bool]]) -> None:
        for what, holds in facts:
            self.checks += 1
            assert holds, f"{step}: {what}\n{self.crew.screens()}"

    def everything_else(self) -> Iterator[tuple[str, bool]]:
        """What no step may ever touch: four facts."""
        editors = self.tmux("list-panes", "-a", "-F", "#{pane_id} #{pane_pid}").splitlines()
        yield "the person's editor's pane", f"{self.editor} {self.editor_pid}" in editors
        yield "the person's editor", Path(f"/proc/{self.editor_pid}").exists()
        yield "main of origin", self.git("rev-parse", "main") == self.git("ls-remote", "origin", "main").split()[0]
        work = [branch for branch in ("feat/mine", "feat/other") if self.git("branch", "--list", branch)]
        yield "both branches", work == ["feat/mine", "feat/other"]


def work_on(life: Life, branch: str) -> str:
    """An agent that has done its work: a commit that is pushed, and a file that only it has."""
    life.crew.spawn(branch, f"Work on {branch}. [[say Hi.]]")
    agent = life.record(branch)
    wait_until(lambda: "Hi." in life.crew.said(agent["window"], "assistant"), what="its words")
    folder = Path(agent["worktree_path"])
    (folder / "note.txt").write_text(branch)
    (folder / ".env").write_text(branch)
    for words in (["add", "note.txt"], ["commit", "-qm", branch], ["push", "-q", "-u", "origin", branch]):
        life.git("-C", str(folder), *words)
    return str(agent["worktree"])


def renumbered(life: Life) -> None:
    life.tmux("set-option", "-g", "renumber-windows", "on")


def tiled(life: Life) -> None:
    """Both agents and the editor side by side in one window."""
    into = life.record("feat/mine")["pane_id"]
    for pane in (life.record("feat/other")["pane_id"], life.editor):
        life.tmux("join-pane", "-d", "-s", pane, "-t", into)
        life.tmux("select-layout", "-t", into, "tiled")
    life.tmux("resize-window", "-t", into, "-x", "280", "-y", "90")


def grouped_and_renamed(life: Life) -> None:
    life.tmux("new-session", "-d", "-t", "fleet", "-s", "a-look")
    life.tmux("rename-session", "-t", "fleet", "work")


def second_server(life: Life) -> None:
    """Calls come from inside another server, whose windows have the same numbers."""
    argv = ["tmux", "-u", "-L", f"{life.crew.stage.socket}-2", "-f", "/dev/null"]
    environment = life.crew.stage.environment()
    subprocess.run([*argv, "new-session", "-d", "-s", "fleet", "sleep", "900"], env=environment, check=True)
    for _ in range(3):
        subprocess.run([*argv, "new-window", "-d", "-t", "fleet:", "sleep", "900"], env=environment, check=True)
    shown = [*argv, "display-message", "-p", "-t", "fleet:1", "#{socket_path},#{pid},0 #{pane_id}"]
    said = subprocess.run(shown, env=environment, check=True, capture_output=True, text=True)
    variable, pane = said.stdout.split()
    life.elsewhere = {"TMUX": variable, "TMUX_PANE": pane, "FLEET_TMUX_SOCKET": ""}


def options(life: Life) -> None:
    """What people set in their tmux, all of it at once."""
    for words in ("-g base-index 1", "-gw pane-base-index 1", "-gw automatic-rename on", "-gw allow-rename on",
                  "-g set-titles on", "-g detach-on-destroy off", "-s exit-empty off", "-gw remain-on-exit on",
                  "-g mouse on", "-gw monitor-activity on", "-gw mode-keys vi", "-g lock-after-time 1",
                  "-gw aggressive-resize on", "-s escape-time 0", "-g default-command sh"):  # fmt: skip
        life.tmux("set-option", *words.split())
    if fish := shutil.which("fish"):
        life.tmux("set-option", "-g", "default-shell", fish)


def moved_about(life: Life) -> None:
    """Panes broken out, swapped and joined, a window in another session, and that session's number taken again."""
    life.tmux("new-session", "-d", "-s", "elsewhere", "sleep", "900")
    other, mine = (life.record(f"feat/{name}")["pane_id"] for name in ("other", "mine"))
    life.tmux("swap-pane", "-d", "-s", other, "-t", life.editor)
    life.tmux("move-window", "-d", "-s", mine, "-t", "elsewhere:7")
    life.tmux("join-pane", "-d", "-h", "-s", life.editor, "-t", mine)
    life.tmux("break-pane", "-d", "-s", life.editor, "-t", "elsewhere:")
    life.tmux("new-window", "-d", "-t", "fleet:", "sleep", "900")


def zoomed(life: Life) -> None:
    """One pane fills the window in which all stand."""
    tiled(life)
    life.tmux("resize-pane", "-Z", "-t", life.editor)


def linked(life: Life) -> None:
    """Windows that several sessions show, one of which goes again."""
    life.tmux("new-session", "-d", "-s", "beside", "sleep", "900")
    for name in ("mine", "other"):
        life.tmux("link-window", "-d", "-s", life.record(f"feat/{name}")["pane_id"], "-t", "beside:")
    life.tmux("new-session", "-d", "-s", "another", "sleep", "900")
    life.tmux("link-window", "-d", "-s", life.record("feat/mine")["pane_id"], "-t", "another:")
    life.tmux("kill-session", "-t", "another")


def ended_of_a_group(life: Life) -> None:
    """The fleet's session goes, and another of its group shows the same windows on."""
    life.tmux("new-session", "-d", "-t", "fleet", "-s", "a-look")
    life.tmux("kill-session", "-t", "fleet")


def hooked(life: Life) -> None:
    for words in (
        "after-new-window split-window -d",
        "after-new-window[1] rename-window mine",
        "after-new-window[2] select-layout tiled",
        "pane-exited split-window",
        "after-kill-pane select-layout",
        "after-select-pane next-window",
        "alert-activity next-window",
        "window-linked rename-session other",
    ):
        name, _, does = words.partition(" ")
        life.tmux("set-hook", "-g", name, does)


UNSTEADY = (linked, ended_of_a_group, hooked, tiled, grouped_and_renamed, second_server, options, moved_about, zoomed)


@pytest.fixture
def life() -> Iterator[Life]:
    with quick_crew(spares=3, config="notify_desktop = false\nsupervision = 'on-demand'\n") as crew:
        exclude = Playground(crew.stage.folder / "git").repository / ".git" / "info" / "exclude"
        exclude.write_text(".env\n")
        life = Life(crew)
        shown = ["new-window", "-d", "-P", "-F", "#{pane_id} #{pane_pid}", "-t", "fleet:", "-c", "/", "sleep", "900"]
        life.editor, pid = life.tmux(*shown).split()
        life.editor_pid = int(pid)
        yield life
        subprocess.run(
            ["tmux", "-L", f"{crew.stage.socket}-2", "kill-server"],
            env=crew.stage.environment(),
            check=False,
            capture_output=True,
        )


@pytest.mark.parametrize(
    "unsteady",
    [renumbered, *(pytest.param(one, marks=pytest.mark.stress) for one in UNSTEADY)],
)
def test_the_whole_life_hits_nobody_else(life: Life, unsteady: Callable[[Life], None]) -> None:
    mine, other = work_on(life, "feat/mine"), work_on(life, "feat/other")
    unsteady(life)
    at_home = dict(life.elsewhere)

    def both(step: str) -> None:
        life.check(step, life.stands("feat/other", "feat/other"))
        life.check(step, life.everything_else())

    life.check("spawned", life.stands("feat/mine", "feat/mine"))
    both("spawned")
    life.call("verify-complete", mine)
    life.check("verified", life.stands("feat/mine", "feat/mine"))
    both("verified")

    spare = Path(life.record("feat/mine")["worktree_path"])
    assert f"recycled {life.record('feat/mine')['window']}" in life.call("recycle-agent", mine)
    both("recycled")
    session = life.record("feat/mine")["session_id"]
    wait_until(lambda: not life.crew.registry(session), what="the reaping of its client")
    freed = [
        life.git("-C", str(spare), "symbolic-ref", "--short", "HEAD").startswith("spare/"),
        (spare / ".env").read_text() == "feat/mine",
        not (spare / "note.txt").exists(),
        not life.crew.registry(session),
        life.record("feat/mine")["state"] == "recycled",
        life.git("show", "origin/feat/mine:note.txt") == "feat/mine",
    ]
    life.check("recycled", iter((f"fact {number} of the freed worktree", holds) for number, holds in enumerate(freed)))

    life.elsewhere = {} if "FLEET_TMUX_SOCKET" in at_home else at_home  # tmux's own commands, from the fleet's server
    life.tmux("kill-pane", "-t", life.record("feat/other")["pane_id"])
    wait_until(lambda: not life.crew.registry(life.record("feat/other")["session_id"]), what="its end")
    life.call("restore-agent", other)
    both("restored")
    conversation = life.record("feat/other")["session_id"]

    life.call("tasks", "add", "next", "Next. [[say Yes.]]", "--agent", "practice",
              "--repo", str(life.crew.playground.repository))  # fmt: skip
    assert "next: begun in" in life.call("tasks", "dispatch", "--session", "fleet")
    both("dispatched")
    after = life.record("task/next")
    begun = [
        after["pane_id"] not in (life.record("feat/other")["pane_id"], life.editor),
        life.record("feat/other")["session_id"] == conversation,
        after["worktree_path"] != life.record("feat/other")["worktree_path"],
        life.record("feat/mine")["state"] == "recycled",
    ]
    life.check("dispatched", iter((f"fact {number} of the new agent", holds) for number, holds in enumerate(begun)))
    assert life.checks == len(STEPS) * CHECKS_A_STEP + 2 * 6 + len(freed) + len(begun)


def test_a_client_that_was_led_into_another_folder_is_told_nothing_and_undone(life: Life) -> None:
    """By a wrapper of the user's that changes folders before it starts the client."""
    program = life.crew.stage.folder / "bin" / "practice"
    real = program.rename(program.with_name("real-practice"))
    elsewhere = life.crew.stage.folder / "elsewhere"
    elsewhere.mkdir()
    program.write_text(f'#!/bin/sh\ncd {elsewhere} && exec {real} "$@"\n')
    program.chmod(0o755)
    words = ["--session", "fleet", "--branch", "feat/led", "--objective", "Write. [[say Hi.]]", "--agent", "practice"]
    said = life.call("spawn-agent", *words, "--repo", str(life.crew.playground.repository), code=1)
    assert f"the client works in {elsewhere}" in said
    assert json.loads((life.crew.stage.folder / "state.json").read_text())["agents"] == []
    assert life.git("branch", "--list", "feat/led") == ""
    assert "feat/led" not in life.git("worktree", "list")
    panes = life.tmux("list-panes", "-a", "-F", "#{pane_id}").split()
    assert len(panes) == 2
    assert life.editor in panes
