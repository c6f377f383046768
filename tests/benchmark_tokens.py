"""How much of a model's context each output takes that the skill has it read, by the number of agents.

    tests/bench --tokens [AGENTS...]

Tokens are counted as four characters each. A fifth of the agents wait for somebody; no window is open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.places import BUNDLE

CHARACTERS_A_TOKEN = 4
SIZES = (3, 20, 100)
OUTPUTS: Mapping[str, Sequence[str]] = {
    "wait-event": ("wait-event", "--exit-zero", "--timeout", "5", "--again"),
    "heartbeat": ("heartbeat",),
    "poll-cycle --text": ("poll-cycle", "--text"),
    "startup-recovery": ("startup-recovery",),
    "status --brief": ("status", "--brief"),
    "status --brief --json": ("status", "--brief", "--json"),
    "status": ("status",),
    "status --json": ("status", "--json"),
}
MOST_TOKENS: Mapping[str, int] = {
    "wait-event": 2_000,
    "heartbeat": 2_500,
    "poll-cycle --text": 2_000,
    "startup-recovery": 2_500,
    "status --brief": 2_200,
    "status --brief --json": 4_000,
}
"""What the skill has a model read, with any number of agents."""

STATES = ("waiting_approval", "running", "running", "pending_evaluation", "running")


def fleet(count: int, now: float) -> str:
    """A state file with so many agents, as they are in the midst of their work."""
    agents = [
        {
            "window": f"fleet:{number}", "worktree": f"project-{number}", "worktree_path": f"/src/project-{number}",
            "spare_branch": f"spare/{number}", "branch": f"feat/a-task-of-usual-length-{number}", "id": f"a{number:08}",
            "objective": f"Implement part {number} as described in docs/part-{number}.md and open a pull request",
            "pr_number": str(100 + number), "session_id": f"550e8400-e29b-41d4-a716-44665544{number:04}",
            "steps": ["implement", "tests"], "checkpoints": ["implement"], "state": STATES[number % len(STATES)],
            "pane_id": f"%{number}", "window_id": f"@{number}", "spawned_at": now - 4000, "last_seen_at": now - 2,
            "seen": {"since": now - 300, "said": f"I have read part {number} and go on with its tests now."},
        }
        for number in range(1, count + 1)
    ]  # fmt: skip
    return json.dumps({"active": True, "tmux_session": "fleet", "repo": "acme/widget", "agents": agents})


def printed(count: int, words: Sequence[str], home: Path) -> str:
    """What the command prints for so many agents; its home is made anew."""
    home.mkdir(parents=True)
    (home / "state.json").write_text(fleet(count, time.time()), encoding="utf-8")
    changes = {
        "HOME": str(home), "FLEET_HOME": str(home / "fleet"), "ORCHESTRATOR_STATE_FILE": str(home / "state.json"),
        "FLEET_TMUX_SOCKET": "none-of-this-name", "TMUX_TMPDIR": str(home), "POLL_INTERVAL": "1", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    program = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py")]
    kept = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
    done = subprocess.run(
        [*program, *words], env=kept | changes, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tokens(text: str) -> int:
    """About how many."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


def main(argv: Sequence[str]) -> None:
    """Print the table."""
    sizes = [int(word) for word in argv] or list(SIZES)
    print(f"{'tokens, agents:':24}" + "".join(f"{size:>8}" for size in sizes))
    with tempfile.TemporaryDirectory() as folder:
        for name, words in OUTPUTS.items():
            found = [tokens(printed(size, words, Path(folder) / name / str(size))) for size in sizes]
            print(f"{name:24}" + "".join(f"{count:>8}" for count in found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
