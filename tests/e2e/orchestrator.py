"""A Claude session of a person who types slash commands, with a model that follows the skill it is handed."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetscripts.practice.transcript import project_folder
from tests.e2e.crew import Crew
from tests.places import BUNDLE
from tests.waiting import comes, wait_until

Cues = list[tuple[str, str]]
"""What the model reads (a pattern), and what it does then."""


def rehearsed(folder: Path, cues: Cues) -> dict[str, str]:
    """Environment of a stage whose model has these cues, and whose scripts find their packages prepared."""
    (folder / "cues.json").write_text(json.dumps(cues), encoding="utf-8")
    packages = folder / "data" / "fleetscripts"
    packages.mkdir(parents=True)
    digest = (BUNDLE / "requirements" / "runtime.txt").read_text(encoding="utf-8").split()[2]
    (packages / f"env-{digest}").symlink_to(sys.prefix)
    return {
        "PRACTICE_MODEL_CUES": str(folder / "cues.json"),
        "PRACTICE_MODEL_HEARD": str(folder / "heard"),
        "XDG_DATA_HOME": str(packages.parent),
    }


@dataclass
class Orchestrator:
    """The session, in a window of its own in the repository."""

    crew: Crew
    pane: str = ""

    def start(self, *options: str) -> None:
        """Starts the client, in a folder that it trusts, and waits for its prompt."""
        stage, repository = self.crew.stage, os.path.realpath(self.crew.playground.repository)
        file = stage.home / ".claude.json"
        known = json.loads(file.read_text(encoding="utf-8"))
        known["projects"] = {repository: {"hasTrustDialogAccepted": True}}
        file.write_text(json.dumps(known), encoding="utf-8")
        words = ["new-window", "-P", "-F", "#{pane_id}", "-t", "=fleet:", "-c", repository, "claude", *options]
        self.pane = (stage.tmux(*words) or "").strip()
        self.wait_for("prompt")

    def resume(self, *options: str) -> None:
        """Ends the client and starts another on the same conversation."""
        known = max(self._transcripts(), key=lambda path: path.stat().st_mtime).stem
        self.type("/exit")
        wait_until(lambda: self.pane not in self._panes(), 20, lambda: f"the client's end\n{self.crew.screens()}")
        self.start("--resume", known, *options)

    def _panes(self) -> list[str]:
        return (self.crew.stage.tmux("list-panes", "-a", "-F", "#{pane_id}") or "").split()

    def wait_for(self, state: str) -> dict[str, Any]:
        """Waits until classify-pane says so of the session; its answer."""

        def said() -> dict[str, Any] | None:
            answer = json.loads(self.crew.run("classify-pane", self.pane).stdout or "{}")
            return answer if answer.get("state") == state else None

        return wait_until(said, 40, lambda: f"{state} in the session\n{self.crew.screens()}") or {}

    def type(self, line: str) -> None:
        """Types a line and submits it, once the box shows it."""
        self.crew.stage.tmux("send-keys", "-l", "-t", self.pane, line)
        wait_until(lambda: self._boxed(line), 20, lambda: f"{line!r} in the box\n{self.screen()}")
        wait_until(lambda: self._entered(line), 20, lambda: f"{line!r} to be taken\n{self.screen()}")

    def _boxed(self, line: str) -> bool:
        return f"❯\xa0{line}" in self.screen()

    def _entered(self, line: str) -> bool:
        """An Enter close behind typed text may count as part of it: then the line still stands in the box."""
        self.crew.stage.tmux("send-keys", "-t", self.pane, "Enter")
        return comes(lambda: not self._boxed(line), 1)

    def screen(self) -> str:
        return self.crew.stage.tmux("capture-pane", "-p", "-t", self.pane) or ""

    def command(self, line: str, last: str) -> list[str]:
        """Types a slash command and waits for the last words of the turn; what its shell commands printed."""
        before, times = len(self.printed()), self.times_said(last)
        self.type(line)
        self.until_said(last, times)
        return self.printed()[before:]

    def until_said(self, words: str, times: int) -> None:
        """Waits until the model has said these words more often than so."""
        wait_until(lambda: self.times_said(words) > times, 90, lambda: f"{words!r}\n{self.crew.screens()}")

    def times_said(self, words: str) -> int:
        """How often the model has said these words."""
        return self.said().count(words)

    def said(self) -> list[str]:
        """What the model has said, in order."""
        return [text for record in self._records("assistant") for text in _texts(record, "text", "text")]

    def shell_commands(self) -> list[str]:
        """What the model had a shell run, or wanted to."""
        records = self._records("assistant")
        return [command for record in records for command in _commands(record)]

    def notices(self) -> str:
        """What the client itself has said."""
        return "\n".join(str(record.get("content")) for record in self._records("system"))

    def printed(self) -> list[str]:
        """What the commands printed that the session ran, in order."""
        return [text for record in self._records("user") for text in _texts(record, "tool_result", "content")]

    def _transcripts(self) -> list[Path]:
        repository = os.path.realpath(self.crew.playground.repository)
        return list(Path(project_folder(str(self.crew.stage.home / ".claude"), repository)).glob("*.jsonl"))

    def _records(self, kind: str) -> list[dict[str, Any]]:
        lines = [line for path in self._transcripts() for line in path.read_text().splitlines(keepends=True)]
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        return [record for record in records if record["type"] == kind]

    def heard(self) -> list[str]:
        """The texts of the newest request that the model received."""
        lines = (self.crew.stage.folder / "heard").read_text(encoding="utf-8").splitlines()
        texts: list[str] = json.loads(lines[-1])
        return texts


def _texts(record: dict[str, Any], kind: str, field: str) -> list[str]:
    content = record["message"]["content"]
    return [str(block[field]) for block in content if isinstance(block, dict) and block["type"] == kind]


def _commands(record: dict[str, Any]) -> list[str]:
    blocks = record["message"]["content"]
    return [block["input"]["command"] for block in blocks if block["type"] == "tool_use" and block["name"] == "Bash"]
