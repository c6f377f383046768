"""fleet VERB, completion, hints in the caller's own words, and output that cannot be written."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fleetscripts import __version__, commands
from fleetscripts.commands import pr_test_queue, tasks
from fleetscripts.commands.examples import EXAMPLES
from tests.conftest import RunScript
from tests.places import BUNDLE, environment

MAIN = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py")]


def script(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAIN, *words], check=False, text=True, stderr=subprocess.PIPE, timeout=60, env=environment({}), **more
    )  # type: ignore[call-overload, no-any-return]


def a_fleet(home: Path) -> None:
    (home / "state.json").write_text(json.dumps({"agents": [{"window": "a:1", "worktree": "w"}]}), encoding="utf-8")


def test_a_verb_is_called_as_if_by_itself(run_script: RunScript, home: Path) -> None:
    a_fleet(home)
    assert run_script("fleet", "status", "--json").stdout[:1] == "{"
    assert run_script("fleet", "status", "--nonsense").stderr.startswith("status: ")


def test_an_unknown_verb_is_usage_and_none_lists_them(run_script: RunScript) -> None:
    assert run_script("fleet", "nonsense").returncode == 2
    assert run_script("fleet").returncode == 2
    listed = run_script("fleet", "--help").stdout
    assert [name for name in commands.names() if name != "fleet" and f"\n  {name} " not in listed] == []


@pytest.mark.parametrize("name", commands.names())
def test_every_help_ends_with_an_example_and_the_exit_codes(name: str, run_script: RunScript) -> None:
    lines = run_script(name, "-h").stdout.splitlines()[-2:]
    assert lines[0].strip() == f"Example: {EXAMPLES[name]}"
    assert lines[1].strip().startswith("Exit codes: 0 success")
    assert EXAMPLES[name].split()[0] == name


@pytest.mark.parametrize("command", [tasks.command, pr_test_queue.command], ids=lambda command: str(command.name))
def test_so_does_the_help_of_every_subcommand(command: click.Group, run_script: RunScript) -> None:
    for verb in command.commands:
        lines = run_script(command.name, verb, "--help").stdout.splitlines()[-2:]
        assert lines[0].strip().startswith(f"Example: {command.name} {verb}"), verb
        assert lines[1].strip().startswith("Exit codes: 0 success")


def test_the_version_is_told(run_script: RunScript) -> None:
    assert run_script("status", "--version").stdout == f"fleetscripts {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_verbs_and_options(shell: str, run_script: RunScript, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}: tests/run installs it")
    text = run_script("fleet", "--completion", shell).stdout
    assert "_FLEET_COMPLETE" in text
    asked = {"COMP_WORDS": "fleet stat", "COMP_CWORD": "stat" if shell == "fish" else "1"}
    done = run_script("fleet", env={"_FLEET_COMPLETE": f"{shell}_complete", **asked})
    assert "status" in done.stdout
    file = tmp_path / "completion"
    file.write_text(text, encoding="utf-8")
    assert subprocess.run([shell, "-n", str(file)], check=False, timeout=30).returncode == 0
    known = {"bash": "complete -p fleet", "zsh": "print -r -- $_comps[fleet]", "fish": "complete -c fleet"}[shell]
    bare = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    read = subprocess.run(
        [shell, *bare, "-c", f". '{file}'; {known}"], capture_output=True, text=True, check=False, timeout=30
    )
    assert (read.returncode, read.stderr) == (0, ""), "a shell that has set up nothing takes it"
    assert "fleet" in read.stdout


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("status",), "spawn-agent creates it"),
        (("fleet", "status"), "fleet spawn-agent creates it"),
        (("--called-from=/a b/scripts", "status"), "'/a b/scripts'/spawn-agent creates it"),
        ((f"--called-from={os.environ['PATH'].split(':')[0]}", "status"), "spawn-agent creates it"),
    ],
    ids=["by name", "by the front command", "by path", "found on PATH"],
)
def test_a_hint_is_a_call_that_the_caller_could_make(words: tuple[str, ...], hint: str) -> None:
    assert script(*words).stderr.strip().endswith(f": {hint}")


def test_an_installed_command_names_installed_ones(home: Path) -> None:
    code = "import sys; sys.argv = ['/x/bin/fleet-status']; from fleetscripts.commands import status; status.main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        text=True,
        capture_output=True,
        cwd=BUNDLE,
        timeout=60,
        env=environment({}),
    )
    assert "fleet-spawn-agent creates it" in done.stderr


def test_what_was_done_is_done_and_said_although_nothing_can_be_printed(home: Path) -> None:
    a_fleet(home)
    with open("/dev/full", "wb") as full:
        done = script("update-agent", "a:1", "objective=x", stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "could not be written" in done.stderr
    assert json.loads((home / "state.json").read_text(encoding="utf-8"))["agents"][0]["objective"] == "x"


def test_a_command_that_only_tells_has_failed_when_it_cannot_be_heard(home: Path) -> None:
    a_fleet(home)
    with open("/dev/full", "wb") as full:
        done = script("status", stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_a_closed_output_changes_nothing(home: Path) -> None:
    a_fleet(home)
    line = 'exec "$0" "$@" >&-'
    done = subprocess.run(
        ["sh", "-c", line, *MAIN, "update-agent", "a:1", "objective=y"],
        check=False, text=True, stderr=subprocess.PIPE, timeout=60, env=environment({}),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((home / "state.json").read_text(encoding="utf-8"))["agents"][0]["objective"] == "y"


HINTING = ("services/reports", "services/lifecycle", "services/loop", "services/setup", "core/reports")


def test_no_hint_names_a_command_otherwise_than_its_caller_does() -> None:
    names, found = set(commands.names()), []
    for file in (file for room in HINTING for file in (BUNDLE / "fleetscripts" / room).glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        spelled = {id(word) for call in ast.walk(tree) if isinstance(call, ast.Call) for word in call.args
                   if getattr(call.func, "id", "") == "spelled"}  # fmt: skip
        found += [
            (file.name, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and node.value in names - NAMES_OF_OTHER_THINGS
            and id(node) not in spelled
        ]
    assert found == []


NAMES_OF_OTHER_THINGS = {
    "accounts", "evaluate", "fleet", "host", "hosts", "notify", "open-pr", "overlaps", "show", "status", "tasks",
    "wait-event",
}  # fmt: skip
"""Words that are also kinds of items, members and states, folders of ours, and what another host is asked."""
