"""Every command that takes a WINDOW, or a PANE, takes ``HOST/...`` there, and goes to that host."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fleetscripts import commands
from fleetscripts.core.hosts.remote_calls import NAMING
from fleetscripts.services.context import load_settings_here
from fleetscripts.services.hosts.registry import Host, keep

WHERE = "alpha/worktree-1"
CALLS = {
    "adopt-agent": [WHERE],
    "answer-dialog": [WHERE],
    "balance": ["--allow", WHERE],
    "classify-pane": [WHERE],
    "evaluate": [WHERE],
    "heartbeat": ["--mine", WHERE],
    "history": [WHERE],
    "integrate": [WHERE, "alpha/worktree-2"],
    "interrupt-agent": [WHERE],
    "open-pr": [WHERE],
    "recycle-agent": [WHERE],
    "release-agent": [WHERE],
    "rescue-agent": [WHERE],
    "restore-agent": [WHERE],
    "send-agent": [WHERE, "text"],
    "show": [WHERE],
    "spawn-agent": ["--role", "review", "--of", WHERE],
    "test-queue add": [WHERE],
    "test-queue done": [WHERE, "it works=PASS"],
    "test-queue drop": [WHERE],
    "test-queue run": [WHERE],
    "update-agent": [WHERE, "nudges=0"],
    "verify-complete": [WHERE],
}
MORE = {
    "classify-pane --explain": ["classify-pane", "--explain", "alpha/fleet:1"],
    "classify-pane of a pane": ["classify-pane", "alpha/%5"],
    "integrate --dry-run": ["integrate", "--dry-run", "--json", WHERE],
    "an option before it": ["send-agent", "--queue", "alpha/fleet:1", "text"],
    "its host beside it": ["show", "--host", "alpha", WHERE],
    "its host alone": ["show", "--host", "alpha", "worktree-1"],
    "tasks": ["tasks", "--host", "alpha", "dispatch"],
    "the fleet's own fields": ["update-agent", "--host", "alpha", "--top", "active=true"],
}


@pytest.fixture
def lost_host(home: Path) -> None:
    """A host that a person declared lost: whatever is to run there says so."""
    keep(load_settings_here(os.environ), Host("alpha", "alpha.example", added_at=1, gone_at=time.time()))


def _takes_a_window(command: click.Command, name: str) -> Iterator[str]:
    """The commands and verbs with a parameter that names an agent or a pane."""
    if isinstance(command, click.Group):
        for verb, below in command.commands.items():
            yield from _takes_a_window(below, f"{name} {verb}")
        return
    shown = [f"{one.metavar or ''} {one.name}".lower().split("]")[0] for one in command.params]
    arguments = {one.name for one in command.params if isinstance(one, click.Argument)}
    if "window" in arguments or any("window" in one or "pane" in one for one in shown if one != " window"):
        yield name


def test_no_command_with_a_window_is_left_out() -> None:
    found = set()
    for name in commands.names():
        module = importlib.import_module(commands.module_of(name))
        if isinstance(command := getattr(module, "command", None), click.Command):
            found |= set(_takes_a_window(command, name))
    assert found - {"attach"} == set(CALLS) - {"balance"}  # which allows caps of another name too
    assert {name.split()[0] for name in CALLS} | {"attach"} == NAMING


@pytest.mark.parametrize("called", [*CALLS, *MORE])
def test_it_goes_to_the_host_that_is_named(called: str, lost_host: None, capsys: pytest.CaptureFixture[str]) -> None:
    name, *words = MORE.get(called) or [*called.split(), *CALLS[called]]
    code = importlib.import_module(commands.module_of(name)).main(words)
    said = capsys.readouterr()
    assert (code, "alpha was declared lost" in said.out + said.err) == (3, True), said


def test_agents_of_two_machines_are_not_integrated_together(
    lost_host: None, capsys: pytest.CaptureFixture[str]
) -> None:
    code = importlib.import_module(commands.module_of("integrate")).main([WHERE, "worktree-2"])
    assert (code, "expected agents of one machine" in capsys.readouterr().err) == (3, True)
