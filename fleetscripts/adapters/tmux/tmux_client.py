"""Runs one short-lived tmux client, and tells a missing server from a failed command."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

# A server that does not answer for this long is frozen, not busy (200 captures take about 20 ms).
TIMEOUT_SECONDS = 30.0
_NO_SERVER = pattern(
    r"no server running on|server exited|lost server"
    r"|error connecting to .*\((No such file or directory|Connection refused)\)"
)
_NOT_REACHED = "error connecting to"
"""For any other reason (a full queue, no permission) the server may well be running."""

CONNECT_SECONDS = 2.0
"""How long a server with a full queue is retried: nothing has reached it, so nothing is done twice."""
_PAUSE_SECONDS = 0.05

FITS_A_PIPE = 8 << 10
"""Bytes that every system's pipe takes although nobody reads yet."""


class NoServer(FleetError):
    """No tmux server listens at the socket."""


class ServerUnreachable(FleetError):
    """A tmux server that could not be asked: whether it runs, and its content, are unknown."""


@dataclass(frozen=True, slots=True)
class TmuxReply:
    """What one tmux client wrote, and its exit code."""

    stdout: bytes
    stderr: str
    code: int


@dataclass(frozen=True, slots=True)
class TmuxClient:
    """``tmux -u`` at one socket: a name as for ``-L``, a path as for ``-S``, None for ``$TMUX``, else tmux's own."""

    socket: str | None = None

    def __str__(self) -> str:
        """The socket, for error lines."""
        inherited = os.environ.get("TMUX", "").split(",")[0]
        return self.socket or inherited or "default"

    @property
    def path(self) -> str:
        """The path of the server's socket, by tmux's own rules."""
        if self.socket and "/" in self.socket:
            return self.socket
        inherited = os.environ.get("TMUX", "").split(",")[0]
        if self.socket is None and inherited:
            return inherited
        return f"{_folder(os.environ.get('TMUX_TMPDIR'))}/{self.socket or 'default'}"

    def line(self, *words: str) -> str:
        """The command for a person's own terminal, without our environment, for this server."""
        folder, _, name = self.path.rpartition("/")
        elsewhere = os.environ.get("TMUX_TMPDIR")
        if folder not in (_folder(None), _folder(elsewhere)):
            return shlex.join(["tmux", "-S", self.path, *words])
        variable = [] if folder == _folder(None) else [f"TMUX_TMPDIR={shlex.quote(elsewhere or '')}"]
        where = [] if name == "default" else ["-L", name]
        return " ".join([*variable, shlex.join(["tmux", *where, *words])])

    def argv(self, *words: str) -> list[str]:
        """The full command line; ``-u`` because without it TAB and non-ASCII turn into ``_`` in a C locale."""
        where = [] if self.socket is None else ["-S" if "/" in self.socket else "-L", self.socket]
        return ["tmux", "-u", *where, *words]

    def ask(self, *words: str, stdin: bytes = b"", cwd: Path | None = None) -> TmuxReply:
        """One client's answer; raises without tmux or server, ``ServerUnreachable`` if the server cannot be asked."""
        return self.begin(*words, stdin=stdin, cwd=cwd)()

    def begin(self, *words: str, stdin: bytes = b"", cwd: Path | None = None) -> Callable[[], TmuxReply]:
        """Start a client; what is returned waits for its answer, and raises as ``ask`` does."""
        begun = _ClientRun(self, words, stdin, cwd)
        return lambda: self._answer(begun)

    def _answer(self, run: _ClientRun) -> TmuxReply:
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            answer = run.reply()
            if answer.code and _NO_SERVER.match(answer.stderr):
                start = self.line("new-session", "-d", "-s", "NAME")
                raise NoServer(f"no tmux server at socket {self}: start one with {start}")
            if answer.code == 0 or not answer.stderr.startswith(_NOT_REACHED):
                return answer
            if time.monotonic() >= deadline:
                raise ServerUnreachable(f"the tmux server at socket {self} cannot be asked: {answer.stderr}")
            time.sleep(_PAUSE_SECONDS)
            run = run.again()

    def script(self, *lines: str, cwd: Path | None = None) -> TmuxReply:
        """Several commands in one process, through stdin: a failed one does not stop the next, and ``ps`` shows
        none."""
        return self.begin_script(*lines, cwd=cwd)()

    def begin_script(self, *lines: str, cwd: Path | None = None) -> Callable[[], TmuxReply]:
        """The same, begun."""
        return self.begin("source-file", "-", stdin="\n".join([*lines, ""]).encode("utf-8", "surrogateescape"), cwd=cwd)


class _ClientRun:
    """One client process."""

    def __init__(self, client: TmuxClient, words: tuple[str, ...], stdin: bytes, cwd: Path | None) -> None:
        self._begun = client, words, stdin, cwd
        try:
            self._process = subprocess.Popen(client.argv(*words), stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=cwd)
        except FileNotFoundError as missing:
            if cwd is not None and not cwd.is_dir():
                raise FleetError(f"no such folder: {str(cwd)!r}") from missing
            raise FleetError("tmux is not installed: install it (apt install tmux, brew install tmux)") from missing
        except (NotADirectoryError, PermissionError) as denied:
            raise FleetError(f"cannot run tmux in {str(cwd)!r}: {denied.strerror}") from denied
        self._rest: bytes | None = stdin
        if len(stdin) <= FITS_A_PIPE:
            self._give(stdin)

    def again(self) -> _ClientRun:
        """The same, once more."""
        return _ClientRun(*self._begun)

    def reply(self) -> TmuxReply:
        """What it wrote, once it has ended."""
        with self._process as process:
            try:
                out, problem = process.communicate(self._rest, timeout=TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired as frozen:
                process.kill()
                said = f"the tmux server at socket {self._begun[0]} did not answer in {TIMEOUT_SECONDS:g} s"
                raise ServerUnreachable(said) from frozen
            except BaseException:
                process.kill()
                raise
        return TmuxReply(out, problem.decode("utf-8", "replace").strip(), process.returncode)

    def _give(self, stdin: bytes) -> None:
        """All of its input, now; one that has ended already says why in its answer."""
        given, self._process.stdin, self._rest = self._process.stdin, None, None
        if given is not None:
            with contextlib.suppress(BrokenPipeError), given:
                given.write(stdin)


def _folder(named: str | None) -> str:
    """The folder of tmux's named sockets."""
    return f"{os.path.realpath(named or '/tmp')}/tmux-{os.getuid()}"
