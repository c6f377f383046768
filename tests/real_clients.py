"""The real clients, installed by tests/run at the versions that tests/clients pins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_FOLDER = os.environ.get("FLEET_TEST_CLIENTS", "")
"""Read when the tests are collected: each test then runs in an environment without it."""


def real_client(name: str) -> Path:
    """Path of ``claude`` or ``codex``; skips the test when it is not installed (which CI counts as a failure)."""
    path = Path(_FOLDER) / name
    if not _FOLDER or not path.exists():
        pytest.skip(f"no {name}: tests/run installs it and sets FLEET_TEST_CLIENTS")
    return path
