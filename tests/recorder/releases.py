"""Any npm release of a client, installed once into a cache outside the repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex"}
OLDEST = {"claude": (1, 0, 128), "codex": (0, 98, 0)}
_RELEASE = re.compile(r"\d+\.\d+\.\d+")


def cache_directory() -> Path:
    """``FLEET_CLIENTS``, else ``fleet-clients`` in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("FLEET_CLIENTS") or cache / "fleet-clients")


def numbers(release: str) -> tuple[int, ...]:
    """A release in the order of releases."""
    return tuple(int(part) for part in release.split("."))


def published(agent: str) -> list[str]:
    """All releases that can be recorded, oldest first."""
    done = subprocess.run(
        ["npm", "view", PACKAGES[agent], "versions", "--json"], capture_output=True, text=True, check=True
    )
    versions = [version for version in json.loads(done.stdout) if _RELEASE.fullmatch(version)]
    return sorted((version for version in versions if numbers(version) >= OLDEST[agent]), key=numbers)


def _run(command: Sequence[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"record: {' '.join(command)} failed in {directory}: {done.stderr.strip()[-500:]}")


def installed(agent: str, release: str) -> Path:
    """The folder that holds the client's command, installed when it is not there yet.

    Install scripts stay off (npm 11 blocks them anyway); the one that puts the native program in place is run by name.
    """
    home = cache_directory() / agent / release
    commands = home / "node_modules" / ".bin"
    ready = home / "ok"
    if not ready.exists():
        home.mkdir(parents=True, exist_ok=True)
        package = f"{PACKAGES[agent]}@{release}"
        _run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(home), package], home)
        finish = home / "node_modules" / PACKAGES[agent] / "install.cjs"
        if finish.exists():
            _run(["node", str(finish)], finish.parent)
        if not (commands / agent).exists():
            raise SystemExit(f"record: {package} has no command {agent}")
        ready.touch()
    return commands
