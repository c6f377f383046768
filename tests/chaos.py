"""Practice agents in panes that are never left in peace: killed, asked, set to work, typed into by a person.

What the person types can be told from what the product types: tildes, Backspace and Escape are the person's alone.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from fleetscripts.practice.transcript import project_folder

PERSONS_TEXT = "~"
PERSONS_KEYS = b"~\x7f\x1b"

# What stands in the pane when the client is gone, under a shell's name: it writes down every byte it is given.
CANARY = """
import os, select, sys, termios, time, tty
tty.setraw(0)
os.write(1, b"$ ")
end = time.monotonic() + float(sys.argv[2])
with open(sys.argv[1], "ab", buffering=0) as log:
    while (left := end - time.monotonic()) > 0:
        if select.select([0], [], [], left)[0]:
            log.write(os.read(0, 65536))
"""

# $1 launcher, $2 session id, $3 transcript, $4 canary's log, $5 python, $6 the canary's program
AGAIN = """
set -m
while :; do
    if [ -s "$3" ]; then "$1" --resume "$2"; else "$1" --session-id "$2"; fi
    bash -c 'exec -a bash "$@"' sh "$5" -c "$6" "$4" 0.4
done
"""


@dataclass
class ChaosPane:
    """One agent. ``config`` is its home of files, shared by all agents of a run."""

    socket: str
    folder: Path
    config: Path
    session_id: str
    launcher: Path
    pane: str = ""
    violations: list[str] = field(default_factory=list)
    typed_at: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def transcript(self) -> Path:
        return Path(project_folder(str(self.config), os.path.realpath(self.folder))) / f"{self.session_id}.jsonl"

    @property
    def canary_log(self) -> Path:
        return self.config / f"{self.session_id}.canary"

    def start(self) -> None:
        """Opens its window in the session ``chaos``."""
        self.folder.mkdir(parents=True)
        words = [self.launcher, self.session_id, self.transcript, self.canary_log, sys.executable, CANARY]
        argv = ["sh", "-c", f"cd {shlex.quote(str(self.folder))}; {AGAIN}", "chaos", *map(str, words)]
        self.pane = self.tmux("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", "=chaos:", *argv)

    def tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-u", "-L", self.socket, *words], capture_output=True, text=True, check=False)
        return done.stdout.removesuffix("\n")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", self.pane)

    def client_pid(self) -> int:
        """The live client by its registry entry; 0 when there is none."""
        for path in (self.config / "sessions").glob("*.json"):
            try:
                entry = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if entry.get("sessionId") == self.session_id and Path(f"/proc/{path.stem}").exists():
                return int(path.stem)
        return 0

    def order(self, line: str) -> bool:
        """Tells the client something through its control pipe; whether one listens."""
        try:
            pipe = os.open(self.config / f"{self.session_id}.ctl", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        with os.fdopen(pipe, "wb") as stream:
            stream.write(line.encode() + b"\n")
        return True

    def disturb(self, rng: random.Random, stop: threading.Event) -> None:
        """One thing after another until it is told to stop."""
        while not stop.wait(rng.uniform(0.1, 1.2)):
            event = rng.choices(["kill", "dialog", "turn", "type", "freeze"], [2, 4, 4, 5, 2])[0]
            self.counts[event] = self.counts.get(event, 0) + 1
            getattr(self, f"_{event}")(rng, stop)
        self._clean_up()

    def _kill(self, rng: random.Random, stop: threading.Event) -> None:
        self.order("crash")
        stop.wait(rng.uniform(0, 0.6))

    def _freeze(self, rng: random.Random, stop: threading.Event) -> None:
        """As on a machine that gives the client no time for a while."""
        frozen = self.config / f"{self.session_id}.frozen"
        if self.order(f"freeze {frozen}"):
            stop.wait(rng.uniform(0.2, 3))
            frozen.unlink(missing_ok=True)

    def _turn(self, rng: random.Random, stop: threading.Event) -> None:
        self.order(f"turn a turn of its own [[think {rng.uniform(0.05, 0.8):.2f}]]")

    def _dialog(self, rng: random.Random, stop: threading.Event) -> None:
        """A dialog stays until the person leaves it with Escape: one that goes before was answered by somebody."""
        before = self.client_pid()
        if not self.order(f"dialog {rng.choice(['permission', 'question', 'model', 'limit'])}"):
            return
        shown = time.monotonic() + 1
        while "❯ 1." not in self.screen() and time.monotonic() < shown:
            stop.wait(0.01)
        if "❯ 1." not in self.screen():
            return
        stop.wait(rng.uniform(0, 0.8))
        there = "❯ 1." in self.screen()
        if not there and before and self.client_pid() == before:
            self.violations.append(f"{self.pane}: a dialog was answered:\n{self.screen()}")
        self.tmux("send-keys", "-t", self.pane, "Escape")

    def _type(self, rng: random.Random, stop: threading.Event) -> None:
        """A person begins a draft, thinks, and takes it back."""
        count = rng.randint(1, 4)
        self.typed_at.append(time.time())
        for _ in range(count):
            self.tmux("send-keys", "-t", self.pane, "-l", PERSONS_TEXT)
            stop.wait(rng.uniform(0, 0.05))
        stop.wait(rng.uniform(0, 0.5))
        for _ in range(3):
            screen = self.screen()
            left = sum(line.count(PERSONS_TEXT) for line in screen.splitlines() if line.startswith("❯\xa0"))
            if not left:
                return
            self.tmux("send-keys", "-t", self.pane, *["BSpace"] * left)
            stop.wait(0.05)

    def _clean_up(self) -> None:
        for _ in range(2):
            if "❯ 1." in self.screen():
                self.tmux("send-keys", "-t", self.pane, "Escape")

    def said(self) -> list[str]:
        """What the user of the conversation said, a record each; queued texts as they were put into the queue."""
        found = []
        for line in self.transcript.read_bytes().splitlines() if self.transcript.exists() else []:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            content = record.get("message", {}).get("content") if record.get("type") == "user" else None
            if isinstance(content, str):
                found.append(content)
        return found

    def queued(self) -> list[str]:
        """Texts that the client took into its queue."""
        lines = self.transcript.read_bytes().splitlines() if self.transcript.exists() else []
        records = [json.loads(line) for line in lines if b'"queue-operation"' in line and line.endswith(b"}")]
        return [record.get("content", "") for record in records if record.get("operation") == "enqueue"]
