"""bash and zsh do what the reading of a line says, on random lines with every nasty piece we know."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fleetscripts.core.permissions.shell_syntax import simple_commands
from tests.shell_fuzz import SHELLS, differences, expected, read_lines, records

needs_shells = pytest.mark.skipif(
    any(shutil.which(shell) is None for shell in SHELLS), reason="bash and zsh are not both installed"
)
BATCH = 2_000


@needs_shells
def test_both_shells_do_what_was_read(tmp_path: Path) -> None:
    assert differences(int.from_bytes(os.urandom(4)), 800, tmp_path) == []


@needs_shells
@pytest.mark.stress
def test_both_shells_do_what_was_read_on_many_lines(tmp_path: Path) -> None:
    begin = int.from_bytes(os.urandom(4))
    lines = 0
    for seed in range(begin, begin + 100):
        assert differences(seed, BATCH, tmp_path) == []
        lines += BATCH
    print(f"lines read and run in each of {', '.join(SHELLS)}: {lines}")
    assert lines >= 200_000


@needs_shells
@pytest.mark.parametrize("shell", SHELLS)
def test_a_line_that_a_shell_reads_otherwise_would_be_noticed(tmp_path: Path, shell: str) -> None:
    runs = records(shell, ["aa a\\\n#b; rm", "aa 2>o2 -x", "aa \\ #; rm", "aa b"], tmp_path / shell)
    assert [run == expected(simple_commands("aa b")) for run in runs] == [False, False, False, True]


def test_random_lines_are_of_many_kinds() -> None:
    commands = [command for _, line in read_lines(1, 2000) for command in line]
    assert {command.joiner for command in commands} == {"", "&&", "||", ";", "|", "\n"}
    assert any(command.heredoc for command in commands)
    assert any(word.wild for command in commands for word in command.words)
    assert any(word.status for command in commands for word in command.words)
    assert any(redirect.write for command in commands for redirect in command.redirects)
