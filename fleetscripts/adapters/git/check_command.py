"""Runs one of the user's commands to judge an agent's work: bare environment, bounded time, bounded output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.system.process_group import GroupCommand
from fleetscripts.dataclass import dataclass

KEPT_BYTES = 4000
"""Only the end of the output is kept."""

PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("XDG_CACHE_HOME", "XDG_DATA_HOME", "JAVA_HOME", "GOPATH", "CARGO_HOME", "RUSTUP_HOME", "VIRTUAL_ENV"),
)
"""The command's whole environment: no token, and no sign that it runs under an agent."""


@dataclass(frozen=True, slots=True)
class Run:
    """``exit_code`` None if it was stopped for taking too long."""

    exit_code: int | None
    output: str


def scrubbed(environ: Mapping[str, str], named: Sequence[str] = ()) -> dict[str, str]:
    """A user command's environment: PASSED_ON and the named variables, if they are set."""
    return {name: environ[name] for name in (*PASSED_ON, *named) if name in environ}


def run_check(
    command: str,
    folder: Path,
    environ: Mapping[str, str],
    timeout_seconds: float,
    beside: Mapping[str, str] | None = None,
) -> Run:
    """Run ``sh -c command`` in the folder, with ``beside`` added to its environment. Its children are ended with it."""
    kept = bytearray()

    def keep(chunk: bytes) -> None:
        kept.extend(chunk)
        del kept[:-KEPT_BYTES]

    running = GroupCommand(command, folder, scrubbed(environ) | dict(beside or {}), grace_seconds=0)
    try:
        code = running.run(timeout_seconds, keep)
    finally:
        running.end()
    return Run(code, kept.decode("utf-8", "replace"))
