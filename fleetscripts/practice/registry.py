"""The session registry: one file per live session, as the client keeps it."""

from __future__ import annotations

import json
import os
import sys
import time

VERSION = "2.1.329"
"""The version of the client that the practice agent imitates."""


def _tmux_place() -> str:
    """``session:@window.%pane`` of the pane we run in, empty outside tmux."""
    socket, pane = os.environ.get("TMUX", "").split(",")[0], os.environ.get("TMUX_PANE", "")
    if not (socket and pane):
        return ""
    from fleetscripts.practice.process import Process

    asked = Process(f"exec tmux -u -S '{socket}' display-message -p -t '{pane}' '#S:#{{window_id}}.#{{pane_id}}'")
    return asked.output().strip() if asked.wait(5.0) and asked.status == 0 else ""


def _start_of(pid: int) -> str:
    """The kernel's own start time of a process, as text."""
    if sys.platform == "darwin":
        return os.popen(f"LC_ALL=C ps -o lstart= -p {pid}").read().strip()
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()[19]


class Registry:
    """Our own entry. ``status``: busy, idle, waiting (with what for) or shell."""

    def __init__(self, config_dir: str, session_id: str) -> None:
        folder = f"{config_dir}/sessions"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._path = f"{folder}/{os.getpid()}.json"
        now = _milliseconds()
        self._entry: dict[str, object] = {
            "pid": os.getpid(),
            "sessionId": session_id,
            "cwd": os.getcwd(),
            "startedAt": now,
            "procStart": _start_of(os.getpid()),
            "version": VERSION,
            "kind": "interactive",
            "entrypoint": "cli",
            "tmux": _tmux_place(),
            "name": os.path.basename(os.getcwd()),
            "nameSource": "derived",
        }
        self._said: tuple[str, str] = ("", "")

    def say(self, status: str, waiting_for: str = "") -> None:
        """Writes the whole entry if it has changed."""
        if self._said == (status, waiting_for):
            return
        self._said = (status, waiting_for)
        now = _milliseconds()
        entry = {**self._entry, "status": status, "updatedAt": now, "statusUpdatedAt": now}
        if waiting_for:
            entry["waitingFor"] = waiting_for
        with open(f"{self._path}.new", "w", encoding="utf-8") as fresh:
            json.dump(entry, fresh)
        os.replace(f"{self._path}.new", self._path)

    def rename(self, session_id: str) -> None:
        """The same client continues with another conversation."""
        self._entry["sessionId"] = session_id
        status, waiting_for = self._said
        self._said = ("", "")
        self.say(status, waiting_for)

    def leave(self) -> None:
        """Removes the entry, as a client does at a regular exit."""
        if os.path.exists(self._path):
            os.unlink(self._path)


def _milliseconds() -> int:
    return int(time.time() * 1000)
