"""Standard output that may be closed, or full: the command ends its work first, then says what was lost. JSON on it."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

STDOUT = 1


class _LossyFile(io.FileIO):
    """Takes what cannot be written, and remembers why. A reader that has gone still ends whoever writes."""

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
    """Put such an output in place of the process's own; None where somebody else's stands there already. A standard
    input that is closed is an empty one."""
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


def print_json(members: Any) -> None:
    """What ``--json`` prints, as every command prints it: indented, every character as it is but half a pair."""
    text = json.dumps(members, indent=2, ensure_ascii=False)
    print(text.encode("utf-8", "backslashreplace").decode("utf-8"))
