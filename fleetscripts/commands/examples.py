"""The end of each ``--help``: an example call, and the meaning of the exit codes."""

from __future__ import annotations

from fleetscripts.invocation import spelled

EXAMPLES: dict[str, str] = {
    "accounts": "accounts list",
    "add-spare": "add-spare 3 --repo ~/src/project",
    "adopt-agent": "adopt-agent work:4 --objective 'Add the banner'",
    "answer-dialog": "answer-dialog worktree-2 --choose 'Yes'",
    "attach": "attach worktree-2",
    "balance": "balance --why",
    "capacity": "capacity ~/src/project",
    "cl": "cl --resume 0f5e8c1a-7c0e-4f7b-9d6e-1a2b3c4d5e6f",
    "classify-pane": "classify-pane work:4 --explain",
    "config": "config idle_threshold_seconds 600",
    "demo": "demo --keep",
    "evaluate": "evaluate worktree-2 --pass 'does what was asked'",
    "find-spare": "find-spare ~/src/project",
    "fleet": "fleet status --watch",
    "heartbeat": "heartbeat --lines 40",
    "history": "history worktree-2 --since 2h",
    "host": "host --stdio",
    "hosts": "hosts list",
    "integrate": "integrate --done",
    "interrupt-agent": "interrupt-agent worktree-2",
    "notify": "notify 'all pull requests are merged'",
    "open-pr": "open-pr worktree-2",
    "overlaps": "overlaps",
    "permission-check": "permission-check --worktree . < requests.jsonl",
    "poll-cycle": "poll-cycle",
    "recycle-agent": "recycle-agent worktree-2",
    "release-agent": "release-agent worktree-2",
    "repair-state": "repair-state",
    "rescue-agent": "rescue-agent worktree-2",
    "restore-agent": "restore-agent --all",
    "run-loop": "run-loop --window",
    "send-agent": "send-agent worktree-2 'the checks are red: look at lint'",
    "setup": "setup --check",
    "show": "show worktree-2 --diff",
    "spawn-agent": "spawn-agent --session work --branch feat/banner --objective 'Add the banner'",
    "startup-recovery": "startup-recovery",
    "status": "status --watch",
    "stop-fleet": "stop-fleet --when-done",
    "tasks": "tasks add banner 'Add the banner'",
    "tasks add": "tasks add banner 'Add the banner' --after logo --priority 5",
    "tasks archive": "tasks archive",
    "tasks batch": "tasks batch many.txt",
    "tasks dispatch": "tasks dispatch",
    "tasks list": "tasks list",
    "test-queue": "test-queue add worktree-2",
    "test-queue add": "test-queue add worktree-2 --verify 'the button is there'",
    "test-queue done": "test-queue done worktree-2 'S1 (login)=PASS' 'S2 (button)=PARTIAL: never appeared'",
    "test-queue drop": "test-queue drop worktree-2",
    "test-queue list": "test-queue list",
    "test-queue next": "test-queue next",
    "test-queue run": "test-queue run --background",
    "update-agent": "update-agent worktree-2 pr_number=12",
    "verify-complete": "verify-complete worktree-2",
    "wait-event": "wait-event --timeout 900",
}

EXIT_CODES = "Exit codes: 0 success; 1 failure; 2 wrong usage; 3 refused, or the answer is no; 8 pending."

ONLY_TELLS = frozenset({
    "balance", "capacity", "classify-pane", "find-spare", "history", "overlaps", "permission-check", "poll-cycle",
    "show", "startup-recovery", "status", "verify-complete", "wait-event",
})  # fmt: skip
"""Commands that only print: a failed write to standard output is a failure."""


def epilog(name: str) -> str:
    """The last lines of a command's help; ``\\b`` keeps click from filling them."""
    example = f"Example: {spelled(EXAMPLES[name])}\n" if name in EXAMPLES else ""
    return f"\b\n{example}{EXIT_CODES}"
