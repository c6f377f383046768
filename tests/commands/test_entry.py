"""The boundary: every ending of a command is an exit code and at most one line."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest

from fleetscripts.commands.entry import run
from fleetscripts.errors import FleetError, NotYet, Refusal
from tests.conftest import RunScript


def _ending(outcome: BaseException | int | None) -> click.Command:
    @click.command("thing")
    @click.option("--number", type=int)
    def thing(number: int | None) -> int | None:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return thing


@pytest.mark.parametrize(
    ("outcome", "code", "stderr"),
    [
        (None, 0, ""),
        (3, 3, ""),
        (FleetError("no server\nrunning"), 1, "thing: no server running\n"),
        (Refusal("not safe"), 3, "thing: not safe\n"),
        (Refusal("no window \x1b[31m'x'\x1b]0;t\x07\udcff"), 3, "thing: no window 'x'\n"),
        (NotYet("checks run"), 8, "thing: checks run\n"),
        (click.UsageError("wrong."), 2, "thing: wrong (see thing --help)\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_endings(
    outcome: BaseException | int | None, code: int, stderr: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(_ending(outcome), []) == code
    assert capsys.readouterr().err == stderr


def test_a_bad_option_is_one_line_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(_ending(None), ["--number", "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tasks", "tasks: expected one of list, add, batch, dispatch, archive, found nothing (see tasks --help)"),
        ("tasks frob", "tasks: no verb 'frob'; there are: list, add, batch, dispatch, archive (see tasks --help)"),
        ("tasks lst", "tasks: no verb 'lst'; did you mean list? (see tasks --help)"),
        ("tasks add t1 --objective x", "tasks: no option '--objective' (see tasks add --help)"),
        ("tasks add a b --priority x", "tasks: --priority: expected a whole number, found 'x' (see tasks add --help)"),
        ("status --jsn", "status: no option '--jsn'; did you mean --json or --since? (see status --help)"),
        ("send-agent --host", "send-agent: --host: expected a value, found nothing (see send-agent --help)"),
        ("status --json=1", "status: --json: expected no value, found one (see status --help)"),
        ("status a b", "status: expected no further arguments, found a b (see status --help)"),
        ("show", "show: expected WINDOW, found nothing (see show --help)"),
        ("add-spare 0", "add-spare: N: expected a whole number from 1 to 50, found '0' (see add-spare --help)"),
        (
            "wait-event --timeout -1",
            "wait-event: --timeout: expected a number of at least 0, found '-1' (see wait-event",
        ),
        ("wait-event --timeout nan", "wait-event: --timeout: expected a number of at least 0, found 'nan' (see"),
        ("accounts add a --reserve x", "accounts: --reserve: expected a number from 0 to 100, found 'x' (see accounts"),
        ("status --color pink", "status: --color: expected one of auto, always, never, found 'pink' (see status"),
        ("spawn-agent --role x", "spawn-agent: --role: expected review, found 'x' (see spawn-agent --help)"),
    ],
)
def test_a_wrong_call_is_told_what_was_expected_and_what_was_found(
    run_script: RunScript, words: str, said: str
) -> None:
    done = run_script(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_help_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(_ending(None), ["--help"]) == 0
    assert "--number" in capsys.readouterr().out


def test_the_unexpected_leaves_a_traceback_in_a_log_and_one_line(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(_ending(ValueError("odd")), []) == 1
    log = home / "fleet" / "errors.log"
    assert capsys.readouterr().err == f"thing: unexpected ValueError: odd (details in {log})\n"
    assert "Traceback" in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_unexpected_without_a_place_for_the_log_still_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEET_HOME", "/dev/null/nowhere")
    assert run(_ending(ValueError("odd")), []) == 1
    assert "thing: unexpected ValueError: odd (no log: " in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    import subprocess

    program = tmp_path / "many.py"
    program.write_text(
        "import click, sys\nfrom fleetscripts.commands.entry import run\n"
        "@click.command('many')\ndef many():\n    [print('x' * 100) for _ in range(100000)]\n"
        "sys.exit(run(many, []))\n",
        encoding="utf-8",
    )
    line = f"PYTHONPATH='{Path.cwd()}' '{sys.executable}' '{program}' | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
