"""Our status line: it keeps what the client says of its limits, and is otherwise the user's own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.records.ledger import AccountLedger
from tests.places import BUNDLE, environment

SCRIPT = BUNDLE / "fleetscripts" / "statusline.py"
SESSION = "01a1fb99-0414-4831-b6d5-c37eeebee745"
MOST_SECONDS = 0.25
"""Of processor time, beside the user's own command; a tenth of it is usual."""


def payload(five_hour: Any = 25, resets_in: float = 3600, **more: Any) -> dict[str, Any]:
    at = int(time.time() + resets_in)
    windows = {"five_hour": {"used_percentage": five_hour, "resets_at": at}}
    return {"session_id": SESSION, "rate_limits": {**windows, **more}, "model": {"display_name": "Opus"}}


def show(home: Path, content: Any, account: str = "work") -> subprocess.CompletedProcess[bytes]:
    given = content if isinstance(content, bytes) else json.dumps(content).encode()
    argv = [sys.executable, "-I", "-S", str(SCRIPT), str(home / "fleet"), account]
    return subprocess.run(argv, input=given, capture_output=True, env=environment(), timeout=20, check=False)


def own_line(home: Path, command: Any) -> None:
    (home / ".claude").mkdir(exist_ok=True)
    (home / ".claude" / "settings.json").write_text(json.dumps({"statusLine": {"type": "command", "command": command}}))


def test_with_no_status_line_of_the_users_it_prints_nothing(home: Path) -> None:
    done = show(home, payload())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_figures_are_in_the_ledger(home: Path) -> None:
    week = {"used_percentage": 81.5, "resets_at": int(time.time()) + 3 * 86_400}
    show(home, payload(25, seven_day=week))
    found = AccountLedger(home / "fleet").read()["work"]
    assert {name: figure.used_percent for name, figure in found.items()} == {"five_hour": 25, "weekly": 81.5}
    assert {figure.source for figure in found.values()} == {"status line"}
    kept = home / "fleet" / "usage" / "work" / f"{SESSION}.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_the_users_own_gets_the_same_input_and_is_all_that_shows(home: Path) -> None:
    own_line(home, "printf 'out: '; cat; echo err >&2; exit 3")
    said = payload()
    done = show(home, said)
    assert (done.returncode, done.stderr) == (3, b"err\n")
    assert json.loads(done.stdout.removeprefix(b"out: ")) == said


def test_a_large_input_reaches_it_whole(home: Path) -> None:
    own_line(home, "cksum")
    large = json.dumps({**payload(), "padding": "x" * 400_000}).encode()
    expected = subprocess.run(["cksum"], input=large, capture_output=True, check=True).stdout
    assert show(home, large).stdout == expected


def test_a_command_that_reads_nothing_hinders_nobody(home: Path) -> None:
    own_line(home, "echo short")
    assert show(home, {**payload(), "padding": "x" * 400_000}).stdout == b"short\n"


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b"null", b"[" * 100_000, b'{"rate_limits": 5}'])
def test_an_input_that_makes_no_sense_still_reaches_the_users_own(home: Path, content: bytes) -> None:
    own_line(home, "wc -c")
    done = show(home, content)
    assert int(done.stdout) == len(content)
    assert not (home / "fleet" / "usage").exists()


@pytest.mark.parametrize(
    "window",
    [
        {"used_percentage": -5, "resets_at": 2_000_000_000},
        {"used_percentage": "25", "resets_at": 2_000_000_000},
        {"used_percentage": 25, "resets_at": "soon"},
        {"used_percentage": 25, "resets_at": 99_999_999_999},
        {"used_percentage": 25, "resets_at": 1},
        {"used_percentage": None, "resets_at": None},
        {"used_percentage": True, "resets_at": True},
        {"used_percentage": 1e400, "resets_at": 2_000_000_000},
        [],
        "x",
    ],
)
def test_a_hostile_figure_is_as_if_it_were_not_there(home: Path, window: Any) -> None:
    show(home, {"session_id": SESSION, "rate_limits": {"five_hour": window}})
    assert AccountLedger(home / "fleet").read() == {}


@pytest.mark.parametrize("session", ["../../escape", "a/b", "", 5, "x" * 65, "a\0b"])
def test_a_session_is_no_path(home: Path, session: Any) -> None:
    show(home, {**payload(), "session_id": session})
    assert not list((home / "fleet").rglob("*.json")) if (home / "fleet").exists() else True
    assert not list(home.glob("*.json"))


def test_a_figure_keeps_the_time_at_which_it_was_first_seen(home: Path) -> None:
    said = payload(40)
    show(home, said)
    first = AccountLedger(home / "fleet").read()["work"]["five_hour"]
    show(home, said)
    assert AccountLedger(home / "fleet").read()["work"]["five_hour"] == first
    said["rate_limits"]["five_hour"]["used_percentage"] = 41
    show(home, said)
    second = AccountLedger(home / "fleet").read()["work"]["five_hour"]
    assert (second.used_percent, second.at > first.at) == (41, True)


def test_a_settings_file_that_makes_no_sense_is_no_status_line(home: Path) -> None:
    (home / ".claude").mkdir()
    for text in ("", "[]", '{"statusLine": "x"}', '{"statusLine": {"command": 5}}', '{"statusLine": null}'):
        (home / ".claude" / "settings.json").write_text(text)
        done = show(home, payload())
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_where_nothing_can_be_kept_the_users_own_still_shows(home: Path) -> None:
    own_line(home, "echo mine")
    (home / "fleet").write_text("a file where a folder should be")
    assert show(home, payload()).stdout == b"mine\n"


def test_it_loads_nothing_beyond_the_standard_library_and_is_quick(home: Path) -> None:
    argv = [sys.executable, "-I", "-S", "-X", "importtime", str(SCRIPT), str(home / "fleet"), "work"]
    done = subprocess.run(argv, input=b"{}", capture_output=True, env=environment(), timeout=20, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert not loaded & {"fleetscripts", "pathlib", "subprocess", "tempfile", "filelock", "click", "typing"}
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    show(home, payload())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_SECONDS


def test_what_a_conversation_costs_is_counted_on_when_its_client_begins_at_nothing_again(home: Path) -> None:
    kept = home / "fleet" / "cost" / f"{SESSION}.json"
    for stated, usd in ((0, None), (0.5, 0.5), (1.25, 1.25), (1.25, 1.25), (0.25, 1.5), (1.0, 2.25)):
        show(home, {"session_id": SESSION, "cost": {"total_cost_usd": stated}})
        assert (json.loads(kept.read_text())["usd"] if kept.exists() else None) == usd
    assert kept.stat().st_mode & 0o777 == 0o600


COSTS = (
    None,
    5,
    {},
    {"total_cost_usd": "1"},
    {"total_cost_usd": -1},
    {"total_cost_usd": True},
    {"total_cost_usd": 1e300},
)


@pytest.mark.parametrize("cost", COSTS)
def test_a_cost_that_makes_no_sense_is_not_kept_and_costs_no_status_line(home: Path, cost: object) -> None:
    own_line(home, "echo mine")
    done = show(home, {"session_id": SESSION, "cost": cost})
    assert (done.returncode, done.stdout) == (0, b"mine\n")
    assert not (home / "fleet" / "cost").exists()
