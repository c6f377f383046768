"""The hook command: appends one line to the spool and is gone. Started as ``python -I -S hook.py SPOOLDIR``.

A client waits for its hooks, so this imports nothing heavy, never blocks long, prints nothing and always exits 0.
Line: time in ns, a blank, ``$TMUX_PANE`` or ``-``, a blank, the client's JSON. One file a session, rotated once.
"""

import os
import sys
import time

LONGEST_LINE_BYTES = 65536
ROTATE_AT_BYTES = 1048576
READ_SECONDS = 2.0
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A named pipe in the file's place fails at once."""


def main() -> None:
    """Read standard input, write one line."""
    payload = _read().replace(b"\n", b" ").replace(b"\r", b" ").strip()
    if not payload.startswith(b"{"):
        return
    session = _value(payload, b"session_id")
    if len(payload) > LONGEST_LINE_BYTES - 64:
        event = _value(payload, b"hook_event_name")
        payload = b'{"session_id":"%s","hook_event_name":"%s","shortened":true}' % (session, event)
    pane = os.environb.get(b"TMUX_PANE", b"-")[:16].replace(b" ", b"_") or b"-"
    line = b"%d %s %s\n" % (time.time_ns(), pane, payload)
    _append(b"%s/%s.log" % (os.fsencode(sys.argv[1]), session or b"unknown"), line)


def _read() -> bytes:
    """Standard input to its end, at most 16 MB and for READ_SECONDS."""
    os.set_blocking(0, False)
    deadline = time.monotonic() + READ_SECONDS
    chunks: list[bytes] = []
    size = 0
    while size < 1 << 24 and time.monotonic() < deadline:
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


def _value(payload: bytes, name: bytes) -> bytes:
    """The first string of that name, if it is a plain word of at most 64 characters: it becomes a file name."""
    mark = b'"' + name + b'":'
    start = payload.find(mark)
    parts = payload[start + len(mark) :].lstrip()[:80].split(b'"', 2) if start >= 0 else []
    value = parts[1] if len(parts) == 3 and not parts[0] else b""
    return value if len(value) <= 64 and value.replace(b"-", b"").isalnum() else b""


def _append(path: bytes, line: bytes) -> None:
    """One write, so that lines of concurrent hooks do not mix."""
    file = os.open(path, FLAGS, 0o600)
    if os.fstat(file).st_size > ROTATE_AT_BYTES:
        os.replace(path, path + b".1")  # noqa: PTH105 - pathlib costs more than this whole program
        os.close(file)
        file = os.open(path, FLAGS, 0o600)
    os.write(file, line)
    os.close(file)


if __name__ == "__main__":
    try:
        main()
    except Exception:  # noqa: BLE001 - a full disk or a missing spool must not reach the client
        os._exit(0)
    os._exit(0)
