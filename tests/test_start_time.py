"""How soon a command begins, beside Python's own start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.places import BUNDLE

MAIN = ["-X", "utf8", str(BUNDLE / "fleetscripts" / "__main__.py")]
SCREEN = str(BUNDLE / "tests/screens/claude/2.1.329-oauth-140x45/limit-wall.txt")
RUNS = 7
MOST = 7
"""Times Python's start; on a quiet machine help takes 4 to 5, a saved screen 5.5 of it."""


def least(*words: str) -> float:
    """The least processor time of several runs, which others on the machine disturb little."""
    return min(processor_time([sys.executable, "-I", *words]) for _ in range(RUNS))


def processor_time(argv: list[str]) -> float:
    with open(os.devnull, "wb") as nowhere:
        started = subprocess.Popen(argv, stdout=nowhere, stderr=nowhere)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0, argv
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(
    "words",
    [("status", "--help"), ("send-agent", "--help"), ("classify-pane", "--screen", SCREEN)],
    ids=["help", "help of a large command", "saved screen"],
)
def test_a_small_command_takes_a_few_times_as_long_as_python(words: tuple[str, ...]) -> None:
    assert least(*MAIN, *words) / least("-c", "pass") < MOST


def test_help_imports_nothing_of_what_the_command_does() -> None:
    code = f"""
import importlib, sys
sys.path.insert(0, {str(BUNDLE)!r})
from fleetscripts import commands
for name in commands.names():
    importlib.import_module(commands.module_of(name))
print([name for name in sys.modules if name.startswith("fleetscripts.services.")])
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
