"""The pinned newest release of each client, recorded again: every case is still classified as what it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import BUNDLE

PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex"}
CASES = ("^prompt-", "^busy-", "^dialog-", "^complete", "^limit-w", "^shell-")


def pinned(agent: str) -> str:
    """The release that the end-to-end tests run on."""
    manifest = json.loads((BUNDLE / "tests" / "clients" / "package.json").read_text(encoding="utf-8"))
    return str(manifest["dependencies"][PACKAGES[agent]])


def record(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(BUNDLE), "XDG_CACHE_HOME": str(home / "cache")}
    argv = [sys.executable, "-m", "tests.recorder", *arguments]
    return subprocess.run(argv, cwd=BUNDLE, env=environment, capture_output=True, text=True, timeout=1_200, check=False)


@pytest.mark.stress
@pytest.mark.real_client
@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux: the clients run in a network namespace")
@pytest.mark.parametrize("agent", PACKAGES)
def test_the_pinned_release_recorded_again_is_classified_right(agent: str, home: Path, tmp_path: Path) -> None:
    screens = tmp_path / "screens"
    only = [f"--only={name}" for name in CASES]
    made = record(home, "--agent", agent, "--release", pinned(agent), "--usual", "--screens", str(screens), *only)
    assert made.returncode == 0, made.stdout + made.stderr
    assert len(list(screens.rglob("*.json"))) >= 20, made.stdout
    checked = record(home, "--check", str(screens))
    assert checked.returncode == 0, checked.stdout
