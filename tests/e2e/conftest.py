"""A stage for each test: the practice agent and the real client go through the same tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetscripts.practice.real_client import installed_client
from tests.e2e.crew import Crew, crew_on
from tests.practice.real_codex import real_stage
from tests.real_clients import real_client as installed

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


def program_of(kind: str) -> Path | None:
    """The client's program, None for the practice agent."""
    if kind == "practice":
        return None
    return real_client() if kind == "claude" else installed("codex")


CLAUDE, CODEX = (pytest.param(name, marks=pytest.mark.real_client) for name in ("claude", "codex"))
on_codex_too = pytest.mark.parametrize("crew", ["practice", CLAUDE, CODEX], indirect=True)


@pytest.fixture(params=["practice", CLAUDE])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    """Spare worktrees and a tmux server, where the product's scripts work with one kind of client."""
    with crew_on(lambda folder: real_stage(folder, program_of(request.param)), SPARES) as made:
        yield made
