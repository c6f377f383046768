"""Run as a program, in a mount namespace of its own: a disk that fills while a worktree on it is set up."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fleetscripts.practice.playground import Playground
from fleetscripts.practice.stage import Stage
from tests.e2e.crew import Crew

CONFIG = "notify_desktop = false\n[worktree]\nsetup = 'head -c 1G /dev/zero > build.o'\n"


def main(disk: Path) -> None:
    """Fails with what was found where that is not one clear line, a spare worktree, and a fleet that works on."""
    crew = Crew(Stage(disk / "stage"), Playground(disk / "git"))
    try:
        crew.stage.home.mkdir(parents=True)
        crew.playground.build(1, crew.stage.environment())
        crew.stage.start()
        (crew.stage.folder / "fleet").mkdir()
        config = crew.stage.folder / "fleet" / "config.toml"
        config.write_text("notify_desktop = false\n")
        before = crew.playground.repository.parent / "worktree-1"
        config.write_text(CONFIG)
        filled = crew.run("spawn-agent", "--session", "fleet", "--branch", "feat/a", "--objective", "x", "--repo",
                          str(crew.playground.repository), "--agent", "practice")  # fmt: skip
        assert filled.returncode == 1
        [line] = filled.stderr.splitlines()
        assert "No space left on device" in line, line
        config.write_text("notify_desktop = false\n")
        (before / "build.o").unlink()
        window = crew.spawn("feat/a", "[[say it works]]")
        crew.wait_for_words(window, "it works")
        json.loads((crew.stage.folder / "state.json").read_text())
    finally:
        crew.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
