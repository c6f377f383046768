"""The status line of a client on an account: ``python -I -S statusline.py FLEET_HOME ACCOUNT``.

Keeps what the client says of its usage limits in ``FLEET_HOME/usage/ACCOUNT/SESSION.json`` and of what the conversation
has cost in ``FLEET_HOME/cost/SESSION.json``, then becomes the user's own status line command, with the same input: what
that prints and how it exits is what the client gets. Where the user has none, it prints nothing. A client waits for it,
so it imports nothing heavy and never fails.
"""

from __future__ import annotations

import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

READ_SECONDS = 2.0
LARGEST_BYTES = 1 << 22
MOST_IN_PIPE = 60_000
MOST_FILE_BYTES = 1 << 20
MOST_WINDOWS = 16


def main() -> None:
    """Read standard input, keep the figures, become the user's own command."""
    payload = _read()
    _try_to_keep(payload)
    command = _own_command()
    if command:
        _become(command, payload)


def _try_to_keep(payload: bytes) -> None:
    """An unrecordable figure must not cost the user their status line."""
    try:
        said = json.loads(payload)
        if isinstance(said, dict):
            _keep(said)
            _keep_cost(said)
    except (OSError, ValueError, RecursionError):
        return


def _keep(said: dict[str, Any]) -> None:
    """One file per session, rewritten only if its figures change: its time is when they were first seen."""
    windows, session = _windows(said.get("rate_limits")), said.get("session_id")
    if not windows or not isinstance(session, str) or not _plain(session):
        return
    path = os.path.join(sys.argv[1], "usage", sys.argv[2], f"{session}.json")
    if _kept(path).get("rate_limits") != windows:
        _replace(path, {"at": time.time(), "rate_limits": windows})


def _keep_cost(said: dict[str, Any]) -> None:
    """Continues the count when the client restarts at zero, as it may when a conversation is resumed."""
    cost, session = said.get("cost"), said.get("session_id")
    stated = cost.get("total_cost_usd") if isinstance(cost, dict) else None
    if not _is_amount(stated) or not stated or not isinstance(session, str) or not _plain(session):
        return
    path = os.path.join(sys.argv[1], "cost", f"{session}.json")
    kept = _kept(path)
    before, last = (kept[name] if _is_amount(kept.get(name)) else 0.0 for name in ("usd", "stated"))
    if stated != last:
        _replace(path, {"usd": before + (stated - last if stated > last else stated), "stated": stated})


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9


def _kept(path: str) -> dict[str, Any]:
    """The former figures; none if unreadable."""
    try:
        members = json.loads(_content(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _content(path: str) -> bytes:
    """The beginning of a file, without blocking on anything else."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        return os.read(file, MOST_FILE_BYTES)
    finally:
        os.close(file)


def _replace(path: str, members: dict[str, Any]) -> None:
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    scratch = f"{path}.{os.getpid()}"
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
        json.dump(members, file)
    os.replace(scratch, path)


def _windows(limits: object) -> dict[str, Any]:
    """The numbers of each window; the reader validates them."""
    found = {}
    for name, window in list(limits.items())[:MOST_WINDOWS] if isinstance(limits, dict) else ():
        if isinstance(window, dict) and _plain(name):
            kept = {key: window.get(key) for key in ("used_percentage", "resets_at")}
            if all(isinstance(number, int | float) for number in kept.values()):
                found[name] = kept
    return found


def _plain(name: str) -> bool:
    return 0 < len(name) <= 64 and name.replace("-", "").replace("_", "").isalnum() and name.isascii()


def _own_command() -> str:
    """The user's own status line, from their settings; a repository's is not read: agents write there."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
    try:
        line = json.loads(_content(os.path.join(folder, "settings.json"))).get("statusLine")
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""
    command = line.get("command") if isinstance(line, dict) else None
    return command if isinstance(command, str) and "\0" not in command else ""


def _become(command: str, payload: bytes) -> None:
    """Replace this process by the command, with its input in a pipe; a large one is written by a child."""
    inner, outer = os.pipe()
    if len(payload) <= MOST_IN_PIPE:
        os.write(outer, payload)
    elif os.fork() == 0:
        os.close(inner)
        _write_all(outer, payload)
    os.close(outer)
    os.dup2(inner, 0)
    os.close(inner)
    os.execv("/bin/sh", ["sh", "-c", command])


def _write_all(outer: int, payload: bytes) -> None:
    """All of it, in a child that then exits."""
    try:
        while payload:
            payload = payload[os.write(outer, payload) :]
    finally:
        os._exit(0)


def _read() -> bytes:
    """Standard input to its end, at most LARGEST_BYTES and for READ_SECONDS."""
    os.set_blocking(0, False)
    deadline = time.monotonic() + READ_SECONDS
    chunks: list[bytes] = []
    size = 0
    while size < LARGEST_BYTES and time.monotonic() < deadline:
        try:
            chunk = os.read(0, 1 << 16)
        except BlockingIOError:
            time.sleep(0.001)
            continue
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


if __name__ == "__main__":
    try:
        main()
    except Exception:  # noqa: BLE001 - nothing of ours may reach the client
        os._exit(0)
