"""Which files a process holds open: ties a client without a registry to its transcript."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LSOF_TIMEOUT_SECONDS = 5


def open_files(pid: int, suffix: str) -> tuple[Path, ...]:
    """Open files of the process with such an ending; empty if it is gone, not ours, or the system does not say."""
    return _from_proc(pid, suffix) if sys.platform == "linux" else _from_lsof(pid, suffix)


def _from_proc(pid: int, suffix: str) -> tuple[Path, ...]:
    found: dict[Path, None] = {}
    try:
        entries = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return ()
    for entry in entries:
        try:
            target = entry.readlink()
        except OSError:
            continue  # closed between the listing and the look
        if target.name.endswith(suffix):
            found[target] = None
    return tuple(found)


def _from_lsof(pid: int, suffix: str) -> tuple[Path, ...]:
    try:
        done = subprocess.run(
            ["lsof", "-p", str(pid), "-Fn"],
            check=False, capture_output=True, text=True, errors="replace", timeout=LSOF_TIMEOUT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ()
    names = (line[1:] for line in done.stdout.splitlines() if line.startswith("n/"))
    return tuple(dict.fromkeys(Path(name) for name in names if name.endswith(suffix)))
