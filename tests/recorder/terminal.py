"""One pane of a private tmux server: what is on it, and keys for it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.waiting import comes, stays

FACTS = ("command", "title", "alternate", "cursor_x", "cursor_y", "dead", "cursor_flag")
_FORMAT = "\t".join(
    f"#{{{name}}}"
    for name in (
        "pane_current_command",
        "pane_title",
        "alternate_on",
        "cursor_x",
        "cursor_y",
        "pane_dead",
        "cursor_flag",
    )
)
_FRAME = re.compile(r"[\s│┃|╭╮╰╯─━]+")
POLL_SECONDS = 0.1
EFFECT_SECONDS = 2.0
"""Longest wait for what a key does."""
PATIENCE = float(os.environ.get("FLEET_RECORDER_PATIENCE", "1.5"))


class NotReached(Exception):
    """The client did not come to what a scenario wanted; nothing is recorded for it."""


def squeezed(text: str) -> str:
    """Text without white space and frame characters, so that wrapping does not matter."""
    return _FRAME.sub("", text)


class Terminal:
    """The pane. All waiting has a deadline and ends in ``NotReached``."""

    def __init__(self, directory: str, home: str, size: tuple[int, int], environment: Mapping[str, str]) -> None:
        self._socket = str(Path(home) / ".tmux-recorder")
        self._environment = {"TERM": "screen-256color", "LANG": "C.UTF-8", "PATH": os.environ["PATH"], **environment}
        width, height = str(size[0]), str(size[1])
        shell = ["bash", "--noprofile", "--norc", "-i"]
        self.tmux("new-session", "-d", "-s", "fleet", "-x", width, "-y", height, "-c", directory, *shell)
        self.wait(lambda: "$" in self.screen(), "the shell")

    def tmux(self, *arguments: str, text: str | None = None) -> str:
        """Run tmux on our own server."""
        command = ["tmux", "-u", "-S", self._socket, "-f", "/dev/null", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, input=text, env=self._environment, check=False)
        return done.stdout

    def screen(self, *, styled: bool = False) -> str:
        """What is on the pane, as ``capture-pane -p`` (``-e`` for styled) prints it."""
        return self.tmux("capture-pane", "-p", *(["-e"] if styled else []), "-t", "fleet")

    def look(self) -> tuple[str, str, dict[str, str]]:
        """Plain text, text with colours, and tmux's facts, from one moment."""
        token = f"recorder-{time.monotonic_ns()}"
        script = "\n".join(
            [
                f"display-message -p -t fleet '{_FORMAT}'",
                f"display-message -p {token}",
                "capture-pane -p -t fleet",
                f"display-message -p {token}",
                "capture-pane -p -e -t fleet",
            ]
        )
        facts, plain, styled = self.tmux("source-file", "-", text=script + "\n").split(f"{token}\n")
        return plain, styled, dict(zip(FACTS, facts.rstrip("\n").split("\t"), strict=True))

    def command(self) -> str:
        """The name of the program in the foreground."""
        return self.tmux("display-message", "-p", "-t", "fleet", "#{pane_current_command}").strip()

    def shell_pid(self) -> int:
        """The shell that the pane started with."""
        return int(self.tmux("display-message", "-p", "-t", "fleet", "#{pane_pid}"))

    def keys(self, *names: str) -> None:
        """Press keys by their tmux names."""
        self.tmux("send-keys", "-t", "fleet", *names)

    def keys_taken(self, *names: str) -> None:
        """Press keys and wait until the screen shows what they did, or that they do nothing."""
        before = self.screen()
        self.keys(*names)
        self.comes(lambda: self.screen() != before, EFFECT_SECONDS)

    def at_a_pace(self, *names: str, seconds: float, literal: bool = False) -> None:
        """Press keys one after another, as fast as a person: a client takes faster ones for one key or for a paste.
        ``literal``: they are characters, not names."""
        for name in names:
            self.keys(*(["-l", "--"] if literal else []), name)
            time.sleep(seconds)

    def type(self, text: str) -> None:
        """Type text as a keyboard would."""
        self.tmux("send-keys", "-t", "fleet", "-l", "--", text)

    def paste(self, text: str) -> None:
        """Paste text in brackets, as a terminal does."""
        self.tmux("load-buffer", "-b", "rec", "-", text=text)
        self.tmux("paste-buffer", "-p", "-r", "-d", "-b", "rec", "-t", "fleet")

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
        """Wait for a condition."""
        if not self.comes(condition, seconds):
            raise NotReached(f"{what} did not come in {seconds:.0f} s")

    def comes(self, condition: Callable[[], bool], seconds: float) -> bool:
        """True when a condition comes about in time."""
        return comes(condition, seconds * PATIENCE, POLL_SECONDS)

    def shows(self, pattern: str) -> bool:
        """True when the screen matches, wherever its lines were wrapped: white space in the pattern is ignored."""
        plain = self.screen()
        flat = " ".join(_FRAME.sub(" ", plain).split())
        return bool(re.search(pattern, flat) or re.search(pattern, plain, re.MULTILINE))

    def await_text(self, pattern: str, seconds: float = 10.0) -> None:
        """Wait until the screen matches."""
        self.wait(lambda: self.shows(pattern), f"{pattern!r} on the screen", seconds)

    def settle(self, quiet_seconds: float = 0.5, seconds: float = 4.0) -> bool:
        """Wait until the screen stays as it is; False when something on it keeps moving."""
        return stays(self.screen, quiet_seconds, seconds, POLL_SECONDS)

    def descendants(self) -> list[int]:
        """The processes that the pane's shell started, and theirs."""
        done = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
        parents = [(int(pid), int(parent)) for pid, parent in (line.split() for line in done.stdout.splitlines())]
        found = {self.shell_pid()}
        while more := {pid for pid, parent in parents if parent in found} - found:
            found |= more
        return sorted(found - {self.shell_pid()})

    def kill_client(self) -> None:
        """End whatever runs in the pane, as a crash would: the screen stays as it was drawn."""
        for pid in self.descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait(lambda: self.command() == "bash", "the shell", 5)

    def fresh_shell(self) -> None:
        """A new shell in a clean pane."""
        self.tmux("respawn-pane", "-k", "-t", "fleet", "bash", "--noprofile", "--norc", "-i")
        self.wait(lambda: self.command() == "bash" and "$" in self.screen(), "the shell", 5)

    def close(self) -> None:
        """End the server with everything in it."""
        self.tmux("kill-server")
