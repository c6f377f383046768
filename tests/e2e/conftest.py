"""A stage for each test: the practice agent and the real client go through the same tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscripts.practice.npm_client import installed_client
from fleetscripts.practice.playground import Playground
from fleetscripts.practice.stage import Stage
from tests.e2e.crew import Crew

_OUTER = dict(os.environ)
"""Read when the tests are collected: each test then runs in an environment of its own."""

SPARES = 3


def real_client() -> Path:
    """The pinned client; CI without it is a failure, elsewhere the test is skipped."""
    client = installed_client(_OUTER)
    if client is None:
        missing = "no claude: tests/run installs it and sets FLEET_TEST_CLIENTS"
        if _OUTER.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return client


@pytest.fixture(params=["practice", pytest.param("claude", marks=pytest.mark.real_client)])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    """Spare worktrees and a tmux server, where the product's scripts work with one kind of client."""
    client = real_client() if request.param == "claude" else None
    folder = Path(tempfile.mkdtemp(prefix="fe", dir="/tmp"))
    stage = Stage(folder, client)
    made = Crew(stage, Playground(folder / "git"))
    try:
        stage.home.mkdir()
        made.playground.build(SPARES, stage.environment())
        stage.start()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)
