"""What all recordings share: where they go, how a case is labelled, and the list of what was reached."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.replies import Reply, Script
from tests.recorder.terminal import POLL_SECONDS, NotReached, Terminal, squeezed
from tests.waiting import comes

TYPED_SECONDS = 0.25
REGISTRY_SECONDS = 2.0
DRAWN_SECONDS = 1.0
REGISTERED = {
    "running": {"busy"},
    "prompt": {"idle", "shell"},
    "waiting_approval": {"waiting"},
    "complete": {"idle"},
    "api_error": {"idle"},
    "rate_limited": {"idle"},
    "idle": {"idle", "busy", "waiting", "shell"},
    "starting": {"idle"},
}
UNREGISTERED = {"view", "menu", "picker", "limit", "resume"}


@dataclass(frozen=True)
class Options:
    """What to record. ``mode``: how the client is logged in (``oauth`` or ``api``; codex: ``default``). ``name``: of
    the client's session, as the fleet gives it one."""

    agent: str
    release: str
    mode: str
    size: tuple[int, int]
    permission_mode: str = "default"
    theme: str = "dark"
    status_line: bool = False
    name: str = ""
    only: tuple[str, ...] = ()
    screens: Path = Path("tests/screens")
    missed: Path | None = None
    missing: bool = False

    @property
    def folder(self) -> Path:
        """Where the cases go: ``AGENT/VERSION-MODE-SIZE``; the mode says login, permissions and what is not usual."""
        unusual = [self.theme] if self.theme != "dark" else []
        unusual += ["statusline"] if self.status_line else []
        unusual += ["named"] if self.name else []
        mode = "+".join([self.mode, self.permission_mode, *unusual])
        return self.screens / self.agent / f"{self.release}-{mode}-{self.size[0]}x{self.size[1]}"

    def wants(self, names: Sequence[str]) -> bool:
        """True when any of the names is asked for, and with ``missing`` is not there yet."""
        if self.missing:
            names = [name for name in names if not (self.folder / f"{name}.json").exists()]
        return any(not self.only or any(re.search(pattern, name) for pattern in self.only) for name in names)


@dataclass(frozen=True)
class Look:
    """One moment: the screen plain and with colours, tmux's facts, the registry, the time (Unix seconds)."""

    plain: str
    styled: str
    facts: Mapping[str, str]
    registry: list[dict[str, Any]]
    at: int


@dataclass
class Report:
    """What was recorded, and what was not and why."""

    recorded: list[str] = field(default_factory=list)
    missed: dict[str, str] = field(default_factory=dict)


class Stage(ABC):
    """A terminal, a scripted model and a place to write to. The label of a case is what the scenario made true."""

    def __init__(self, options: Options, script: Script, terminal: Terminal) -> None:
        self.options = options
        self.script = script
        self.terminal = terminal
        self.report = Report()
        self._last = ""
        self.registry: Callable[[], list[dict[str, Any]]] = list

    def take(self) -> Look:
        """What the pane, tmux and the registry say at this moment."""
        plain, styled, facts = self.terminal.look()
        return Look(plain, styled, facts, self.registry(), int(time.time()))

    def snap(self, name: str, state: str, **label: Any) -> None:
        """Write one case. ``label``: dialog, error, draft, background, resets_at where they are true."""
        if not self.options.wants([name]):
            return
        wanted = REGISTERED.get(state, set()) | ({"waiting"} if label.get("dialog") else set())
        if label.get("dialog") in UNREGISTERED:
            wanted = wanted | {"idle"}
        looks: list[Look] = []

        def agrees() -> bool:
            looks[:] = [self.take()]
            return {entry.get("status", "") for entry in looks[0].registry} <= wanted | {""}

        if not comes(agrees, REGISTRY_SECONDS, POLL_SECONDS):
            raise NotReached(f"{name}: the registry says {looks[0].registry}")
        self.write(name, looks[0], state=state, **label)

    def write(self, name: str, look: Look, **label: Any) -> None:
        """Write one case from a look of some moment."""
        if not self.options.wants([name]):
            return
        folder = self.options.folder
        folder.mkdir(parents=True, exist_ok=True)
        side = {
            "agent": self.options.agent,
            "version": self.options.release,
            "mode": self.options.mode,
            "permission_mode": self.options.permission_mode,
            "theme": self.options.theme,
            "status_line": self.options.status_line,
            "size": list(self.options.size),
            "tmux": dict(look.facts),
            "registry": look.registry,
            "now": look.at,
            **label,
        }
        (folder / f"{name}.txt").write_text(look.plain, encoding="utf-8")
        (folder / f"{name}.ansi").write_text(look.styled, encoding="utf-8")
        (folder / f"{name}.json").write_text(json.dumps(side, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        self.report.recorded.append(name)
        print(f"  {folder.name} {name}: {label['state']} {label.get('dialog') or label.get('error') or ''}", flush=True)

    def keep_missed(self, name: str, reason: str) -> None:
        """Keep what stood on the screen when a scenario did not come about, where a person wants to see it."""
        if self.options.missed:
            folder = self.options.missed / self.options.folder.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.txt").write_text(f"{reason}\n{self._last or self.terminal.screen()}", encoding="utf-8")

    def forget(self) -> None:
        """Begin a scenario."""
        self._last = ""

    def remember(self) -> None:
        """Keep in mind what stands on the screen where a scenario gave up."""
        self._last = self.terminal.screen()

    def say(self, prompt: str, *replies: Reply, turns: int = 1) -> None:
        """Submit a prompt and wait until its request number ``turns`` reached the model."""
        self.script.on(prompt, *replies)
        self.type(prompt)
        self.terminal.keys("Enter")
        try:
            self.terminal.wait(lambda: self.script.asked(prompt, turns - 1) > 0, f"the request of {prompt!r}", 6)
        except NotReached:
            if squeezed(prompt)[-20:] not in squeezed(self.terminal.screen()):
                raise
            self.terminal.keys("Enter")
            self.terminal.wait(lambda: self.script.asked(prompt, turns - 1) > 0, f"the request of {prompt!r}", 6)

    def taken(self, prompt: str) -> None:
        """Wait until the client has drawn that it took a prompt: the box is empty again, and the turn is shown."""
        self.terminal.wait(lambda: not self.boxed(prompt[:20]), "the empty box", 8)
        self.drawn()

    def drawn(self) -> None:
        """Give the client time to show that a turn is in progress."""
        self.terminal.comes(self.turn_drawn, DRAWN_SECONDS)

    @abstractmethod
    def boxed(self, text: str) -> bool:
        """True when the input box holds this text."""

    @abstractmethod
    def turn_drawn(self) -> bool:
        """True when the screen shows that a turn is in progress."""

    def type(self, text: str) -> None:
        """Type text and wait until the client shows it."""
        self.terminal.type(text)
        wanted = squeezed(text)[-16:]
        self.terminal.wait(lambda: wanted in squeezed(self.terminal.screen()), f"the typed {text[:30]!r}", 6)
        self.terminal.settle(TYPED_SECONDS, 1.0)

    def unanswered(self, prompt: str, turn: int = 0) -> None:
        """Check that a tool call still waits: its turn asked nothing more of the model."""
        self.terminal.settle()
        if self.script.asked(prompt, turn + 1):
            raise NotReached("the tool ran without a question")

    def answered(self, pattern: str, seconds: float = 12.0) -> None:
        """Wait until an answer stands on the screen and the turn is over."""
        self.terminal.await_text(pattern, seconds)
        self.turn_over(seconds)

    def turn_over(self, seconds: float = 15.0) -> None:
        """Wait until nothing is asked of the model and the client has come to rest."""
        self.terminal.wait(lambda: self.script.in_flight == 0, "the end of the turn", seconds)
        if self.registry():
            self.terminal.wait(self._registered_idle, "an idle registry", seconds)
        self.terminal.settle()

    def waits_for(self, pattern: str, seconds: float = 3.0) -> bool:
        """True when the screen comes to match in time."""
        try:
            self.terminal.await_text(pattern, seconds)
        except NotReached:
            return False
        return True

    def running(self, command: str) -> bool:
        """True while a process whose command line ends so is there (all processes here are ours)."""
        done = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True)
        return any(line.strip().endswith(command) and not line.startswith("ps") for line in done.stdout.splitlines())

    def _registered_idle(self) -> bool:
        entries = self.registry()
        return not any(entry.get("status") == "busy" for entry in entries)

    def clear(self) -> None:
        """Empty the input box."""
        for _ in range(3):
            self.terminal.keys("C-u")
            self.terminal.settle(0.1, 0.5)


def make_project() -> None:
    """A small repository for the client to work in."""
    (PROJECT / "src").mkdir(parents=True)
    (PROJECT / "README.md").write_text("# Shop\n\nA small shop.\n")
    (PROJECT / "src" / "basket.py").write_text("def total(prices):\n    return sum(prices)\n")
    (PROJECT / "NOTES.md").write_text(NOTES)
    check = PROJECT / "check.sh"
    check.write_text("#!/bin/sh\nexec sleep 77\n")
    check.chmod(0o755)
    environment = {**os.environ, "HOME": str(HOME), "GIT_CONFIG_GLOBAL": "/dev/null"}
    who = ["-c", "user.name=Me", "-c", "user.email=me@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "Start"]):
        subprocess.run(["git", *command], cwd=PROJECT, env=environment, check=True)


NOTES = """\
ORCHESTRATOR:DONE
CHECKPOINT:verify
❯ 1. Yes
  2. No
Do you want to proceed?
Enter to confirm · Esc to cancel
✻ Thinking… (4s · esc to interrupt)
You've hit your 5-hour limit · resets 3am (UTC)
/upgrade to increase your usage limit
API Error: 529 Overloaded
"""
