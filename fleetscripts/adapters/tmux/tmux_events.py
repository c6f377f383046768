"""Reports pane changes through one control-mode client that types, shows and resizes nothing.

It attaches to an existing session, never creates one, and reconnects when the server or that session is back. Only
events come this way: the server never frees captures made over control mode."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from fleetscripts.adapters.tmux.control_stream import ControlStream, PaneNews
from fleetscripts.adapters.tmux.tmux_client import TmuxClient
from fleetscripts.adapters.tmux.tmux_listing import token
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 4.0
"""Between two tries to reach the server. A try is one call of ``connect``: it starts no process."""

REFUSALS = 3
"""This many connections without a listing mean that this tmux does not support it."""


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """A new connection: look at everything."""

    session: str


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection ended: with the server, or only the session. ``for_good``: it is not retried."""

    why: str
    for_good: bool = False


TmuxNews = PaneNews | ConnectionOpened | ConnectionLost


class TmuxEvents:
    """The connection, in a thread of its own. ``prefer`` names the session to attach to, if it exists."""

    def __init__(
        self,
        client: TmuxClient,
        tell: Callable[[TmuxNews], None],
        prefer: str = "",
        begin: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
    ) -> None:
        self._begin = begin
        self._client = client
        self._tell = tell
        self._prefer = prefer
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="tmux events", daemon=True)

    def start(self) -> None:
        """Connect, and stay connected until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Leave the session as it was."""
        self._over.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        pause, refusals = FIRST_PAUSE_SECONDS, 0
        while not self._over.wait(pause):
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            try:
                found = self._session() if reachable(self._client.path) else None
                if found is None:
                    continue
                heard, words = self._listen(*found)
            except (FleetError, OSError):
                continue  # it went at this moment, or the system lets us open or begin nothing more for now
            if heard:
                pause, refusals = FIRST_PAUSE_SECONDS, 0
                self._say(ConnectionLost(f"the connection to tmux session {found[1]} ended"))
                continue
            refusals += 1
            if refusals >= REFUSALS:
                self._say(
                    ConnectionLost(f"this tmux reports no changes: {words or 'it is older than 3.2'}", for_good=True)
                )
                return

    def _session(self) -> tuple[str, str] | None:
        """Id and name of the session to attach to; not one that would end when we detach."""
        mark = token()
        asked = f"#{{session_id}} #{{destroy-unattached}} #{{session_name}}{mark}"
        listed = self._client.ask("list-sessions", "-F", asked).stdout.decode("utf-8", "replace")
        rows = [entry.split(" ", 2) for entry in listed.split(f"{mark}\n")[:-1]]
        lasting = [(row[0], row[2]) for row in rows if row[1] in ("off", "0", "")]
        return next((row for row in lasting if row[1] == self._prefer), lasting[0] if lasting else None)

    def _listen(self, session_id: str, name: str) -> tuple[bool, str]:
        """One connection from beginning to end: whether it reported anything, and its last words."""
        flags = ("-C", "attach-session", "-E", "-f", "ignore-size,no-output", "-t", session_id)
        environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
        binary, *words = TmuxClient(self._client.path).argv()
        process = self._begin(
            [binary, *words, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        self._process = process
        stream, heard, last, asked = ControlStream(), False, "", False
        try:
            for line in _lines(process):
                news = stream.feed(line)
                if stream.attached and not asked and process.stdin is not None:
                    asked = True
                    process.stdin.write(stream.subscribe.encode())
                    process.stdin.flush()
                last = line.decode("utf-8", "replace") if not line.startswith(b"%") else last
                if stream.refused:
                    break
                if news is not None:
                    self._say(news if heard else ConnectionOpened(name))
                    heard = True
        except (BrokenPipeError, ValueError):
            last = "it ended at once"  # or we were closed meanwhile
        finally:
            _end(process)
        return heard, last

    def _say(self, news: TmuxNews) -> None:
        if not self._over.is_set():
            self._tell(news)


def reachable(path: str) -> bool:
    """Whether a server listens there; starts no process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    if process.stdout is not None:
        for line in process.stdout:
            yield line.rstrip(b"\n")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Detach: a control client exits when its input ends."""
    if process.stdin is not None and not process.stdin.closed:
        with suppress(BrokenPipeError):
            process.stdin.close()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
