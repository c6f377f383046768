"""Runs the product's scripts for the demo: as a user would, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import EXIT_DONE, FleetError

_ENTRY = Path(__file__).resolve().parents[2] / "__main__.py"
CALL_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """A script's result."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Scripts:
    """Runs scripts in one environment, from one folder."""

    environment: Mapping[str, str]
    folder: Path

    def argv(self, name: str, *arguments: str) -> list[str]:
        """The command line of a script."""
        return [sys.executable, "-I", str(_ENTRY), name, *arguments]

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Starts a script; ``result`` waits for it."""
        pipe = subprocess.PIPE
        argv = self.argv(name, *arguments)
        return subprocess.Popen(argv, env=self.environment, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def result(self, process: subprocess.Popen[str]) -> ScriptResult:
        """Waits for a started script."""
        try:
            stdout, stderr = process.communicate(timeout=CALL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise FleetError(f"{process.args!r} did not end within {CALL_SECONDS:.0f} s") from None
        return ScriptResult(process.returncode, stdout, stderr)

    def ask(self, name: str, *arguments: str) -> ScriptResult:
        """Runs a script to its end."""
        return self.result(self.start(name, *arguments))

    def must(self, name: str, *arguments: str) -> str:
        """Runs a script that has to succeed; returns its output."""
        return self.all([[name, *arguments]])[0]

    def all(self, calls: Sequence[Sequence[str]]) -> list[str]:
        """Runs scripts that have to succeed in parallel; returns each one's output."""
        outcomes = [self.result(process) for process in [self.start(*call) for call in calls]]
        for call, outcome in zip(calls, outcomes, strict=True):
            if outcome.code != EXIT_DONE:
                said = (outcome.stderr or outcome.stdout).strip()
                raise FleetError(f"{call[0]} exited {outcome.code}: {said}")
        return [outcome.stdout for outcome in outcomes]

    def status(self) -> dict[str, Any]:
        """``status --json``."""
        answer: dict[str, Any] = json.loads(self.must("status", "--json"))
        return answer
