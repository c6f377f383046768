"""Runs the practice agent's commands: spawned without ``subprocess``, which is slow to import; output kept, group
killed."""

from __future__ import annotations

import os
import signal
import time

OUTPUT_BYTES = 30_000


class Process:
    """A shell command in a process group of its own; its output goes to a file without a name."""

    def __init__(self, command: str, stdin: str = "") -> None:
        self.command = command
        self.status: int | None = None
        self._output = _nameless()
        source = _nameless(stdin.encode("utf-8", "replace"))
        actions = [
            (os.POSIX_SPAWN_DUP2, source, 0),
            (os.POSIX_SPAWN_DUP2, self._output, 1),
            (os.POSIX_SPAWN_DUP2, self._output, 2),
        ]
        reset = [signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGHUP]
        argv = ["/bin/sh", "-c", command]
        self.pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setpgroup=0, setsigdef=reset)
        os.close(source)

    def finished(self) -> bool:
        """Whether the command has ended; its exit status is then in ``status``."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, seconds: float) -> bool:
        """Waits for the end, and kills what has not ended by then."""
        deadline = time.monotonic() + seconds
        while not self.finished():
            if time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(0.002)
        return True

    def kill(self) -> None:
        """Ends the command and its children."""
        if not self.finished():
            os.killpg(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)

    def output(self) -> str:
        """The command's output so far, cut at ``OUTPUT_BYTES``."""
        return os.pread(self._output, OUTPUT_BYTES, 0).decode("utf-8", "replace")


def _nameless(content: bytes = b"") -> int:
    folder = os.environ.get("TMPDIR") or "/tmp"
    path = f"{folder}/practice-{os.getpid()}-{os.urandom(6).hex()}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
