"""Standard output that may be closed or full: the command finishes its work first, then reports the loss. Prints
JSON."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fleetscripts.services.actions.perform import AgentResult

STDOUT = 1


class _LossyFile(io.FileIO):
    """Swallows failed writes and keeps the error. A reader that has gone still ends the writer."""

    lost: OSError | None = None

    def write(self, content: object, /) -> int:
        try:
            return super().write(content)  # type: ignore[arg-type]
        except BrokenPipeError:
            raise
        except OSError as error:
            self.lost = error
            return memoryview(content).nbytes  # type: ignore[arg-type]


def begin_output() -> _LossyFile | None:
    """Replace the process's output by such a file; None if another one is already in place. A closed standard input
    reads as empty."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as below
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - closed by whoever called us
        return None
    known = sys.__stdout__
    if known is None or sys.stdout is not known:
        return None
    raw = _LossyFile(STDOUT, "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=known.encoding, errors=known.errors, line_buffering=known.line_buffering
    )
    return raw


def print_result(result: AgentResult) -> None:
    """Prints what became of one agent of several, as soon as it is known."""
    from fleetscripts.core.records.sanitize import sanitize

    print(sanitize(result.line), flush=True)


def print_result_of(command: str, result: AgentResult) -> None:
    """The same for the one agent of a call: what was not done is an error as of any command."""
    from fleetscripts.core.records.sanitize import sanitize
    from fleetscripts.services.actions.perform import FAILED, REFUSED

    if result.result in (FAILED, REFUSED):
        print(f"{command}: {sanitize(result.line)}", file=sys.stderr)
    else:
        print_result(result)


def print_json(members: Any) -> None:
    """Prints what ``--json`` asks for: indented, every character unescaped except half a surrogate pair."""
    text = json.dumps(members, indent=2, ensure_ascii=False)
    print(text.encode("utf-8", "backslashreplace").decode("utf-8"))
