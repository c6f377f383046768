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
    way: str = ""

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
        before, times = len(self.printed()), self._said(last)
        self.type(line)
        wait_until(lambda: self._said(last) > times, 90, lambda: f"{last!r} after {line!r}\n{self.crew.screens()}")
        return self.printed()[before:]

    def _said(self, words: str) -> int:
        """How often the model has said these words."""
        return [text for record in self._records("assistant") for text in _texts(record, "text", "text")].count(words)

    def printed(self) -> list[str]:
        """What the commands printed that the session ran, in order."""
        return [text for record in self._records("user") for text in _texts(record, "tool_result", "content")]

    def _records(self, kind: str) -> list[dict[str, Any]]:
        folder = project_folder(
            str(self.crew.stage.home / ".claude"), os.path.realpath(self.crew.playground.repository)
        )
        lines = [line for path in Path(folder).glob("*.jsonl") for line in path.read_text().splitlines(keepends=True)]
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
