"""Runs one of the operator's commands in a worktree: bare environment, bounded time, its output in a log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetscripts.adapters.git.check_command import scrubbed
from fleetscripts.adapters.git.notes import key
from fleetscripts.adapters.system.process_group import GroupCommand, end_left_behind
from fleetscripts.config import Settings
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.dataclass import dataclass
from fleetscripts.services.worktrees.command_log import LAST_LINES, CommandLog
from fleetscripts.services.worktrees.slots import slot_variables

RUN_MARK = "FLEET_SET_UP_RUN"
"""In the environment of everything that such a command starts: its run."""

Noted = Callable[[Mapping[str, Any]], None]
"""Records a command's group before the command begins."""


@dataclass(frozen=True, slots=True)
class LoggedCommand:
    """``name``: of the log, in this folder of FLEET_HOME. ``environment``: variables passed on by name. ``kept``: how
    many of its last lines are reported."""

    name: str
    command: str
    logs: str
    seconds: float
    environment: Sequence[str] = ()
    kept: int = LAST_LINES

    def run(self, settings: Settings, environ: Mapping[str, str], folder: Path, noted: Noted) -> CommandResult:
        """Run it until it ends or times out; what it leaves running is ended."""
        passed = scrubbed(environ, self.environment)
        mark = uuid.uuid4().hex
        log = CommandLog(
            settings.fleet_home / self.logs / f"{folder.name}-{key(str(folder))[:6]}-{self.name}.log",
            tuple(passed[name] for name in self.environment if name in passed),
            kept=self.kept,
        )
        log.begin()
        beside = {"FLEET_WORKTREE": str(folder), RUN_MARK: mark}
        running = GroupCommand(self.command, folder, {**passed, **slot_variables(settings, environ, folder), **beside})
        try:
            noted({"group": running.group, "ticks": running.start_ticks, "mark": mark})
            code = running.run(self.seconds, log)
        finally:
            running.end()
        log.end()
        return CommandResult(self, code, log)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Its end; ``code`` None after a timeout."""

    run: LoggedCommand
    code: int | None
    log: CommandLog

    @property
    def words(self) -> str:
        """The result, for the middle of a sentence."""
        return f"did not end in {self.run.seconds:g} s" if self.code is None else f"exited with {self.code}"

    @property
    def sentence(self) -> str:
        """All of it on one line, with its last lines."""
        ending = " / ".join(self.log.last_lines()) or "it printed nothing"
        more = f", which could not be written: {self.log.problem}" if self.log.problem else ""
        return sanitize(f"{self.run.name} ({self.run.command}) {self.words}: {ending} (log {self.log.path}{more})")


def end_abandoned(begun: Mapping[str, Any]) -> None:
    """End what such a command still runs after its caller was killed, by its note."""
    group, ticks, mark = begun.get("group"), begun.get("ticks"), begun.get("mark")
    if isinstance(group, int) and isinstance(ticks, str) and isinstance(mark, str):
        end_left_behind(group, ticks, (RUN_MARK, mark))
