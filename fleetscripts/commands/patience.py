"""Slow commands say on standard error that they are at work, and on what."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PATIENCE_SECONDS = 2.0

SLOW: Mapping[str, str] = {
    "accounts": "asking the clients",
    "add-spare": "fetching the default branch and checking it out",
    "adopt-agent": "reading its conversation and its worktree",
    "answer-dialog": "pressing, and reading what the client makes of it",
    "capacity": "measuring the worktrees",
    "evaluate": "measuring every gate, and reading the diff",
    "find-spare": "looking at every worktree",
    "heartbeat": "looking at every window; where no loop runs, what it would do is done now",
    "integrate": "merging the branches on trial and checking what comes out",
    "interrupt-agent": "waiting for the end of the turn",
    "notify": "telling every channel",
    "open-pr": "pushing the branch and asking GitHub",
    "overlaps": "merging the branches on trial",
    "poll-cycle": "looking at every agent",
    "recycle-agent": "verifying, saving what would be lost, putting the worktree back",
    "repair-state": "comparing records, windows and conversations",
    "rescue-agent": "ending the client and starting it on another account",
    "restore-agent": "opening their windows and conversations",
    "send-agent": "waiting for the client's receipt",
    "spawn-agent": "making the branch, starting the client and delivering the briefing",
    "startup-recovery": "looking for what survived",
    "status": "asking tmux",
    "stop-fleet": "waiting for the end of the loop",
    "tasks": "starting agents and delivering their briefings",
    "test-queue": "asking GitHub, testing, or telling an agent",
    "verify-complete": "measuring every gate: git, GitHub, the verify command",
}
"""By command. Those that are meant to wait, or that prompt on the terminal, report themselves."""

IN_A_PIPE = frozenset({"heartbeat"})
"""Reported without a terminal too: it changes something meanwhile."""


@contextmanager
def told_when_slow(name: str) -> Iterator[None]:
    """Print ``COMMAND: what …`` once, if the block is not over after PATIENCE_SECONDS."""
    timer = threading.Timer(PATIENCE_SECONDS, lambda: print(f"{name}: {SLOW[name]} …", file=sys.stderr, flush=True))
    timer.daemon = True
    if name in SLOW and sys.stderr is not None and (name in IN_A_PIPE or sys.stderr.isatty()):
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
