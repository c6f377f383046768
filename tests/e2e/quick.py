"""Practice agents with thresholds of seconds, for tests of what the fleet does by itself."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleetscripts.practice.stage import Stage
from tests.e2e.crew import Crew, crew_on
from tests.waiting import wait_until

CONFIG = "idle_threshold_seconds = 1\nnudge_cooldown_seconds = 0.5\nnotify_desktop = false\n"


@contextmanager
def quick_crew(spares: int = 2, config: str = CONFIG) -> Iterator[Crew]:
    """A stage with spare worktrees and no agent yet."""
    with crew_on(Stage, spares, config) as made:
        yield made


def said(crew: Crew, script: str, *arguments: str, code: int = 0) -> str:
    """What a script prints; its exit code is checked."""
    done = crew.run(script, *arguments)
    assert done.returncode == code, f"{script} exited {done.returncode}: {done.stdout}{done.stderr}\n{crew.screens()}"
    return done.stdout if code == 0 else done.stderr


def heartbeat(crew: Crew, *options: str) -> dict[str, Any]:
    """One heartbeat as JSON."""
    found: dict[str, Any] = json.loads(said(crew, "heartbeat", "--json", *options))
    return found


def kill_client(crew: Crew, window: str) -> None:
    """Ends an agent's client as a crash would."""
    session = crew.agent(window)["session_id"]
    os.kill(wait_until(lambda: crew.registry(session), what="the client")["pid"], signal.SIGKILL)
    wait_until(lambda: not crew.registry(session), what=lambda: f"the client's end\n{crew.screens()}")


def hand_made(crew: Crew, folder: Path, *words: str) -> str:
    """A client that a person started in a window of their own; its pane."""
    environment = crew.stage.environment()
    exported = [f"{name}={environment[name]}" for name in ("HOME", "PATH", "FLEET_HOME")]
    client = ["env", *exported, "PRACTICE_TRUSTED=1", str(crew.stage.folder / "bin" / "practice"), *words]
    argv = ["sh", "-c", 'set -m; "$@"; exec sh -i', "by-hand", *client]
    pane = crew.stage.tmux("new-window", "-d", "-P", "-F", "#{pane_id}", "-c", str(folder), *argv)
    assert pane is not None
    wait_until(lambda: "❯" in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), 20, "its prompt")
    return pane


def run_loop(crew: Crew, *options: str) -> None:
    """Starts the loop and waits until it runs."""
    log = crew.stage.folder / "fleet" / "loop.log"
    crew.start_loop(*options)
    wait_until(lambda: log.exists() and "loop begins" in log.read_text(), what="the loop")


def wait_for_cycles(crew: Crew, seconds: float) -> None:
    """Waits until the loop has looked again so much later."""
    state = crew.stage.folder / "state.json"
    before = json.loads(state.read_text())["last_poll_at"]
    wait_until(lambda: json.loads(state.read_text())["last_poll_at"] > before + seconds, 20, "some more cycles")
