"""Every command is a module, a launcher, an installed command and a --help, and none of them is forgotten."""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
import tomllib

import click
import pytest

from fleetscripts import commands
from tests.places import BUNDLE, environment

NAMES = commands.names()
SCRIPTS = BUNDLE / "scripts"
MOST_CPU_SECONDS_FOR_HELP = 1.0
"""Of processor time, since tests share the machine; a third of it is usual."""


def test_launchers_modules_and_installed_commands_are_the_same() -> None:
    project = tomllib.loads((BUNDLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert NAMES
    assert sorted(path.name for path in SCRIPTS.iterdir()) == NAMES
    installed = {"fleet" if name == "fleet" else f"fleet-{name}": f"{commands.module_of(name)}:main" for name in NAMES}
    assert project["scripts"] == installed


def test_all_launchers_are_one_text_that_may_be_run() -> None:
    texts = {path.read_bytes() for path in SCRIPTS.iterdir()}
    assert len(texts) == 1
    assert all(path.stat().st_mode & 0o111 == 0o111 for path in SCRIPTS.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_command_carries_its_name(name: str) -> None:
    command = importlib.import_module(commands.module_of(name)).command
    assert isinstance(command, click.Command)
    assert command.name == name


@pytest.mark.parametrize("name", NAMES)
def test_help_is_quick_and_loads_neither_tmux_nor_locks(name: str) -> None:
    main = str(BUNDLE / "fleetscripts" / "__main__.py")
    begun = _children_cpu_seconds()
    done = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", main, name, "--help"],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=30,
    )
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: {name}")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "click" in loaded
    assert not loaded & {"libtmux", "rich"}
    assert _children_cpu_seconds() - begun < MOST_CPU_SECONDS_FOR_HELP


def _children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_an_unknown_name_is_a_usage_error_that_lists_the_names() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fleetscripts", "no-such"], check=False, capture_output=True, text=True, cwd=BUNDLE
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert all(name in done.stderr for name in NAMES)
