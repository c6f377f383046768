"""Which of our commands may be called from another machine."""

from __future__ import annotations

from collections.abc import Sequence

CALLABLE = frozenset({
    "accounts", "add-spare", "adopt-agent", "answer-dialog", "balance", "capacity", "classify-pane", "config",
    "evaluate", "find-spare", "heartbeat", "history", "integrate", "interrupt-agent", "notify", "open-pr",
    "overlaps", "poll-cycle", "recycle-agent", "release-agent", "repair-state", "rescue-agent", "restore-agent",
    "run-loop", "send-agent", "setup", "show", "spawn-agent", "startup-recovery", "status", "stop-fleet", "tasks",
    "test-queue", "update-agent", "verify-complete", "wait-event",
})  # fmt: skip
"""All that need no terminal and do not reach other machines themselves."""

NAMING = frozenset({
    "adopt-agent", "answer-dialog", "attach", "balance", "classify-pane", "evaluate", "heartbeat", "history",
    "integrate", "interrupt-agent", "open-pr", "recycle-agent", "release-agent", "rescue-agent", "restore-agent",
    "send-agent", "show", "spawn-agent", "test-queue", "update-agent", "verify-complete",
})  # fmt: skip
"""All that take an agent's name, or a pane's."""

OF_CENTRAL = ("--take", "--hand-notices", "--leave")
"""Subcommands of `host` that a central uses."""

MOST_WORDS = 200
MOST_WORD_BYTES = 100_000
"""Longest word of a command line; Linux takes 131,072."""


def refusal(argv: Sequence[str]) -> str:
    """Why another machine may not call this; empty if it may."""
    known = bool(argv) and (argv[0] in CALLABLE or (argv[0] == "host" and argv[1:2] and argv[1] in OF_CENTRAL))
    if not known:
        return f"{argv[0][:40] if argv else 'nothing'} is no command that is called from another machine"
    if len(argv) > MOST_WORDS or any(len(word.encode("utf-8", "replace")) > MOST_WORD_BYTES for word in argv):
        return "its command line is too long for another machine: give long texts by a file (-)"
    if any("\0" in word for word in argv):
        return "a NUL in its command line"
    return ""
