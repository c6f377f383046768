"""A launcher for the practice agent: a program called ``practice`` for the PATH, so named in tmux too.

``python -m fleetscripts.practice.install FOLDER [NAME]`` writes it and prints its path."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fleetscripts.practice.script import quoted

NAME = "practice"
AGENT = Path(__file__).resolve().with_name("agent.py")


def install(folder: Path, name: str = NAME, environment: dict[str, str] | None = None) -> Path:
    """Writes ``folder/NAME``. ``environment``: added to the agent's window's.

    tmux names a process by its argv[0] on Linux: the interpreter is called through a link with the agent's name."""
    hidden = folder.absolute() / ".interpreter"
    hidden.mkdir(parents=True, exist_ok=True)
    link = hidden / name
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.realpath(sys.executable))
    exports = [f"export {key}={quoted(value)}\n" for key, value in (environment or {}).items()]
    command = " ".join(quoted(word) for word in (str(link), "-I", "-S", str(AGENT)))
    launcher = folder.absolute() / name
    launcher.write_text(f'#!/bin/sh\n{"".join(exports)}exec {command} "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)
    return launcher


if __name__ == "__main__":
    print(install(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else NAME))
