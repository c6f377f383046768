"""Real places to test in: a tmux server on a private socket, a git repository with worktrees."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

BUNDLE = Path(__file__).resolve().parent.parent

SILENT_CLIENT = '#!/bin/sh\n[ "$1" = --help ] && exit\nexec sleep 900\n'
"""A client that never draws anything; asked for its options, which it has none of, it ends at once."""


@dataclass(frozen=True)
class TmuxServer:
    """One tmux server of our own; ``socket`` is the name for ``tmux -L`` and FLEET_TMUX_SOCKET."""

    socket: str

    def run(self, *args: str, check: bool = True, input: str | None = None) -> str:
        """Run one tmux client; return what it prints, without the last newline."""
        done = subprocess.run(
            ["tmux", "-u", "-L", self.socket, "-f", "/dev/null", *args],
            check=False,
            capture_output=True,
            text=True,
            input=input,
            timeout=20,
        )
        if check and done.returncode:
            raise AssertionError(f"tmux {args} exited {done.returncode}: {done.stderr}")
        return done.stdout.removesuffix("\n")

    def new_session(self, name: str = "fleet", command: Iterable[str] = (), width: int = 120, height: int = 40) -> str:
        """Start a detached session; return its pane id."""
        size = ("-x", str(width), "-y", str(height))
        return self.run("new-session", "-d", "-P", "-F", "#{pane_id}", "-s", name, *size, *command)

    def new_window(self, session: str = "fleet", command: Iterable[str] = ()) -> str:
        """Open a window at the end of the session; return its pane id."""
        return self.run("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", f"={session}:", *command)

    def screen(self, pane: str) -> str:
        """The pane's visible text."""
        return self.run("capture-pane", "-p", "-t", pane)

    def show(self, pane: str, fmt: str) -> str:
        """One tmux format, expanded for the pane."""
        return self.run("display-message", "-p", "-t", pane, fmt)

    def kill(self) -> None:
        """End the server and everything in it; silent when there is none."""
        self.run("kill-server", check=False)


class Processes:
    """Every process of a program that is started from now on, counted by one of its name that is first on the PATH."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name, self._log = name, folder / f"started-{name}"
        self.folder = folder
        folder.mkdir(exist_ok=True)
        program = folder / name
        log = shlex.quote(str(self._log))
        real = shlex.quote(shutil.which(name) or name)
        program.write_text(f'#!/bin/sh\n{{ printf "%s " "$@"; printf "\\001"; }} >>{log}\nexec {real} "$@"\n')
        program.chmod(0o755)

    def started(self) -> list[str]:
        """The words of each."""
        return self._log.read_text().split("\1")[:-1] if self._log.exists() else []

    def verbs(self) -> list[str]:
        """The program and its command, of each: what stands first among its words and is no option, nor of one."""
        kept = (re.sub(r"(?:^| )-(?:[cCLS] \S+|\S+)", "", words).split() for words in self.started())
        return [f"{self._name} {words[0]}" for words in kept]

    def forget(self) -> None:
        """Count anew."""
        self._log.unlink(missing_ok=True)


class TmuxProcesses(Processes):
    """Those of tmux."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "tmux")


@dataclass
class GitRepo:
    """A bare ``origin``, a clone of it at ``path`` on ``main``, and the spare worktrees made so far."""

    root: Path
    spares: list[Path] = field(default_factory=list)

    @property
    def origin(self) -> Path:
        return self.root / "origin.git"

    @property
    def path(self) -> Path:
        return self.root / "repo"

    def create(self) -> GitRepo:
        """Make origin and clone with one commit."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "--bare", "-b", "main", str(self.origin), cwd=self.root)
        self.git("clone", "-q", str(self.origin), str(self.path), cwd=self.root)
        (self.path / "README.md").write_text("hello\n", encoding="utf-8")
        self.commit("Begin")
        self.git("push", "-q", "-u", "origin", "HEAD:main")
        self.git("remote", "set-head", "origin", "main")
        return self

    def git(self, *args: str, cwd: Path | None = None) -> str:
        """Run git in the clone, or in ``cwd``; return what it prints, stripped."""
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.path, check=False, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise AssertionError(f"git {args} exited {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    def commit(self, message: str, cwd: Path | None = None) -> str:
        """Commit everything in the working tree; return the commit's id."""
        self.git("add", "-A", cwd=cwd)
        self.git("commit", "-q", "--allow-empty", "-m", message, cwd=cwd)
        return self.git("rev-parse", "HEAD", cwd=cwd)

    def add_spares(self, count: int) -> list[Path]:
        """Add worktrees ``spare-N`` on branches ``spare/N``; return those added."""
        added = []
        for _ in range(count):
            number = len(self.spares) + 1
            path = self.root / f"spare-{number}"
            self.git("worktree", "add", "-q", "-b", f"spare/{number}", str(path), "main")
            self.spares.append(path)
            added.append(path)
        return added


def environment(changes: dict[str, str | None] | None = None) -> dict[str, str]:
    """The test's environment with some variables changed, or taken away (None)."""
    merged = dict(os.environ)
    for name, value in (changes or {}).items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged
