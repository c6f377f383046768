"""The product's scripts at work on a stage, and what a test wants to know of their agents."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetscripts.practice.playground import Playground
from fleetscripts.practice.stage import Stage
from fleetscripts.practice.transcript import project_folder
from tests.e2e import rollout
from tests.places import BUNDLE
from tests.practice.real_codex import CODEX_HOME
from tests.records import flat
from tests.waiting import wait_until


@dataclass
class Crew:
    """Scripts, state file and agents of one stage."""

    stage: Stage
    playground: Playground
    loops: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, name: str, *arguments: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
        """Runs a script as a user would."""
        return subprocess.run(
            self._argv(name, arguments),
            env=self.stage.environment(),
            cwd=self.playground.repository,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def _argv(self, name: str, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), name, *arguments]

    def run_git(self, *arguments: str) -> str:
        """Runs git in the repository."""
        argv = ["git", *arguments]
        return subprocess.run(argv, cwd=self.playground.repository, capture_output=True, text=True, check=True).stdout

    def spawn(self, branch: str, objective: str, *options: str) -> str:
        """Spawns an agent on the next spare worktree; its window."""
        file = self.stage.folder / "objective.txt"
        file.write_text(objective, encoding="utf-8")
        done = self.run(
            "spawn-agent", "--session", "fleet", "--branch", branch, "--objective-file", str(file),
            "--repo", str(self.playground.repository), "--agent", self.stage.kind, *options,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{self.screens()}"
        return done.stdout.strip()

    def start_loop(self, *options: str) -> None:
        """Starts the run loop as a process of its own."""
        log = (self.stage.folder / "loop.out").open("w")
        loop = subprocess.Popen(
            self._argv("run-loop", options),
            env={**self.stage.environment(), "POLL_INTERVAL": "1", "POLL_IDLE_MAX": "1"},
            cwd=self.playground.repository,
            stdout=log,
            stderr=log,
            text=True,
        )
        self.loops.append(loop)

    def end(self) -> None:
        """Ends the loops and the stage."""
        for loop in self.loops:
            loop.terminate()
            loop.wait(timeout=20)
        self.stage.stop()

    def agent(self, window: str) -> dict[str, Any]:
        """The state file's record of an agent."""
        fleet = json.loads((self.stage.folder / "state.json").read_text(encoding="utf-8"))
        return next(flat(agent) for agent in fleet["agents"] if agent["window"] == window)

    def registry(self, session_id: str) -> dict[str, Any]:
        """The live client's entry for a session, empty when there is none."""
        for path in (self.stage.home / ".claude" / "sessions").glob("*.json"):
            entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8") or "{}")
            if entry.get("sessionId") == session_id and Path(f"/proc/{entry['pid']}").exists():
                return entry
        return {}

    @property
    def codex_home(self) -> Path:
        return self.stage.folder / CODEX_HOME

    def pid(self, window: str) -> int | None:
        """The live client's process, None when it has ended."""
        agent = self.agent(window)
        if self.stage.kind != "codex":
            return self.registry(agent["session_id"]).get("pid")
        terminal = (self.stage.tmux("display-message", "-p", "-t", agent["pane_id"], "#{pane_tty}") or "").strip()
        argv = ["ps", "-ww", "-o", "pid=,args=", "-t", terminal.removeprefix("/dev/")]
        listed = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
        rows = [line.split() for line in listed]
        return next((int(row[0]) for row in rows if row[1].endswith("/codex")), None)

    def resting(self, window: str) -> bool:
        """Whether no turn is in progress, as the client itself says."""
        if self.stage.kind == "codex":
            return rollout.resting(self.transcript(window))
        entry = self.registry(self.agent(window)["session_id"])
        return entry["status"] == "idle" if "status" in entry else self._has_answered(window)

    def _has_answered(self, window: str) -> bool:
        """Whether a conversation ends with an answer: older releases keep no registry, or one that says no status."""
        records = [record for record in self.transcript(window) if record["type"] in ("user", "assistant")]
        return (
            bool(records)
            and records[-1]["type"] == "assistant"
            and records[-1]["message"].get("stop_reason") != "tool_use"
        )

    def transcript(self, window: str) -> list[dict[str, Any]]:
        """The records of an agent's conversation."""
        agent = self.agent(window)
        if self.stage.kind == "codex":
            return rollout.records(self.codex_home, agent["session_id"])
        folder = project_folder(str(self.stage.home / ".claude"), os.path.realpath(agent["worktree_path"]))
        path = Path(folder) / f"{agent['session_id']}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def said(self, window: str, kind: str) -> list[str]:
        """What the user or the assistant of a conversation said."""
        if self.stage.kind == "codex":
            return rollout.said(self.transcript(window), kind)
        found: list[str] = []
        for record in self.transcript(window):
            content = record["message"]["content"] if record["type"] == kind and not record.get("isMeta") else ""
            found += [content] if isinstance(content, str) else [b["text"] for b in content if b["type"] == "text"]
        return [text for text in found if text]

    def wait_for_words(self, window: str, words: str, seconds: float = 30) -> None:
        """Waits until the agent has said so."""
        wait_until(
            lambda: any(words in text for text in self.said(window, "assistant")),
            seconds,
            f"{words!r}\n{self.screens()}",
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        """Lines of the journal with this event."""
        journal = (self.stage.folder / "fleet" / "events.jsonl").read_text(encoding="utf-8")
        return [event for line in journal.splitlines() if (event := json.loads(line))["event"] == name]

    def log(self) -> str:
        """The loop's log so far."""
        file = self.stage.folder / "fleet" / "loop.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def screens(self) -> str:
        """Every pane's screen, for a failure's report."""
        panes = (self.stage.tmux("list-panes", "-a", "-F", "#{pane_id}") or "").split()
        return "\n".join(f"{pane}:\n{self.stage.tmux('capture-pane', '-p', '-t', pane)}" for pane in panes)


@contextmanager
def crew_on(
    stage_of: Callable[[Path], Stage], spares: int, config: str = "", prepare: Callable[[Crew], None] | None = None
) -> Iterator[Crew]:
    """A crew on a stage in a folder of its own: spare worktrees, a tmux server, and no agent yet. ``prepare`` is called
    before any of these is there."""
    folder = Path(tempfile.mkdtemp(prefix="fe", dir="/tmp"))
    made = Crew(stage_of(folder), Playground(folder / "git"))
    try:
        made.stage.home.mkdir()
        if config:
            (folder / "fleet").mkdir()
            (folder / "fleet" / "config.toml").write_text(config, encoding="utf-8")
        if prepare is not None:
            prepare(made)
        made.playground.build(spares, made.stage.environment())
        made.stage.start()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)
