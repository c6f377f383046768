"""One command of the user's own, run to judge an agent's work: bare environment, bounded time, bounded output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.adapters.system.process_group import GroupCommand
from fleetscripts.dataclass import dataclass

KEPT_BYTES = 4000
"""The end of the output that is kept."""

PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("XDG_CACHE_HOME", "XDG_DATA_HOME", "JAVA_HOME", "GOPATH", "CARGO_HOME", "RUSTUP_HOME", "VIRTUAL_ENV"),
)
"""All that the command gets of the environment: nothing in it is a token, nothing says it runs under an agent."""


@dataclass(frozen=True, slots=True)
class Run:
    """How it ended; ``exit_code`` None when it was stopped for taking too long."""

    exit_code: int | None
    output: str


def scrubbed(environ: Mapping[str, str], named: Sequence[str] = ()) -> dict[str, str]:
    """What a command of the user's gets of the environment: PASSED_ON, and what is named, where they are set."""
    return {name: environ[name] for name in (*PASSED_ON, *named) if name in environ}


def run_check(
    command: str,
    folder: Path,
    environ: Mapping[str, str],
    timeout_seconds: float,
    beside: Mapping[str, str] | None = None,
) -> Run:
    """Run ``sh -c command`` in the folder, ``beside`` in its environment too. What it started goes with it."""
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
