"""A practice agent in a tmux pane, and what a test wants to know of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetscripts.practice.install import install
from fleetscripts.practice.transcript import project_folder
from tests.places import TmuxServer
from tests.waiting import wait_until

SESSION = "11111111-2222-4333-8444-555555555555"


@dataclass
class PracticePane:
    """One agent at work in ``folder``; its files lie under ``config``."""

    server: TmuxServer
    folder: Path
    config: Path
    options: tuple[str, ...] = ("--permission-mode", "bypassPermissions")
    environment: Mapping[str, str] = field(default_factory=dict)
    pane: str = ""

    @classmethod
    def in_fleet(cls, server: TmuxServer, folder: Path, config: Path) -> PracticePane:
        """One that is started, in a session ``fleet`` and a new folder."""
        server.new_session("fleet", ["sleep", "900"])
        folder.mkdir()
        return cls(server, folder, config).start()

    def start(self, *session: str, trusted: bool = True) -> PracticePane:
        """Starts it in a new window behind a shell, and waits for its first screen."""
        self.config.mkdir(parents=True, exist_ok=True)
        launcher = install(self.config)
        settings = {
            "CLAUDE_CONFIG_DIR": str(self.config),
            "PRACTICE_KEYLOG": str(self.config),
            "PRACTICE_CONTROL": str(self.config),
            "PRACTICE_TRUSTED": "1" if trusted else "0",
            **self.environment,
        }
        exports = [f"{name}={value}" for name, value in settings.items()]
        argv = ["env", *exports, str(launcher), *(session or ("--session-id", SESSION)), *self.options]
        wrapper = ["sh", "-c", 'set -m; cd "$0"; "$@"; exec sh -i', str(self.folder), *argv]
        running = self.server.run("list-sessions", check=False)
        self.pane = self.server.new_window(command=wrapper) if running else self.server.new_session(command=wrapper)
        wait_until(lambda: self.screen().strip(), what="a screen")
        if trusted:
            self.wait_for("❯")
        return self

    def screen(self) -> str:
        return self.server.screen(self.pane)

    def wait_for(self, text: str, seconds: float = 10) -> str:
        """Waits until the screen shows a text."""
        wait_until(lambda: text in self.screen(), seconds, f"{text!r} on the screen")
        return self.screen()

    def keys(self, *names: str) -> None:
        """Presses keys by tmux's names."""
        self.server.run("send-keys", "-t", self.pane, *names)

    def paste(self, text: str) -> None:
        """Pastes a text, bracketed, and submits nothing."""
        self.server.run("load-buffer", "-b", "test", "-", input=text)
        self.server.run("paste-buffer", "-p", "-r", "-d", "-b", "test", "-t", self.pane)

    def say(self, text: str) -> None:
        """Pastes a text, waits until the box shows something of it, submits it."""
        before = self.bytes_read()
        self.paste(text)
        wait_until(lambda: len(self.bytes_read()) >= len(before) + len(text.encode()), what="the paste to arrive")
        self.keys("Enter")

    def order(self, line: str) -> None:
        """Writes a line into the control pipe."""
        with (self.config / f"{SESSION}.ctl").open("w") as pipe:
            pipe.write(line + "\n")

    def bytes_read(self) -> bytes:
        """Every byte that the agent has read from its terminal."""
        log = self.config / f"{SESSION}.keys"
        return log.read_bytes() if log.exists() else b""

    def registry(self) -> dict[str, Any]:
        """The session registry's entry, empty when there is none."""
        for path in (self.config / "sessions").glob("*.json"):
            entry: dict[str, Any] = json.loads(path.read_text())
            return entry
        return {}

    def wait_for_status(self, status: str) -> dict[str, Any]:
        """Waits until the registry says so."""
        return wait_until(lambda: (entry := self.registry()).get("status") == status and entry, what=f"status {status}")

    def records(self) -> list[dict[str, Any]]:
        """The transcript."""
        path = Path(project_folder(str(self.config), os.path.realpath(self.folder))) / f"{SESSION}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def texts(self, kind: str) -> list[str]:
        """What the user or the assistant said, in order."""
        found = []
        for record in self.records():
            content = record["message"]["content"] if record["type"] == kind else ""
            found += [content] if isinstance(content, str) else [b["text"] for b in content if b["type"] == "text"]
        return [text for text in found if text]
