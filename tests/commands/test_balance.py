"""``balance``: what is left of each account, for people, for scripts, and as JSON."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from fleetscripts.adapters.records.ledger import AccountLedger
from tests.account_stage import AccountStage
from tests.conftest import RunScript

SEEDS_AWK = ["awk", '$2=="ok"{print $1; exit}']


@pytest.fixture
def stage(home: Path) -> AccountStage:
    made = AccountStage(home)
    made.two_accounts()
    return made


def awk(text: str) -> str:
    return subprocess.run(SEEDS_AWK, input=text, capture_output=True, text=True, check=True).stdout.strip()


def test_one_line_an_account_as_the_launcher_of_old_pipes_it(stage: AccountStage, run_script: RunScript) -> None:
    stage.figure("work", "five_hour", 62)
    stage.figure("work", "weekly", 19, 3 * 86_400)
    stage.figure("home", "five_hour", 100, 7300, wall=True)
    done = run_script("balance", "--why")
    first, second = done.stdout.splitlines()
    assert first.startswith("work ok 38% 81% ")
    assert second.startswith("home capped 0% ? 2h01 five-hour wall (transcript, 1m ago)")
    assert awk(done.stdout) == "work"


def test_all_capped_leaves_awk_with_nothing(stage: AccountStage, run_script: RunScript) -> None:
    stage.figure("work", "five_hour", 100, 1000, wall=True)
    stage.figure("home", "weekly", 100, 500, wall=True)
    done = run_script("balance", "--why")
    assert awk(done.stdout) == ""
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["home", "work"], "the first to be back is first"


def test_what_was_never_seen_is_unknown(stage: AccountStage, run_script: RunScript) -> None:
    assert [line.split()[:5] for line in run_script("balance", "--why").stdout.splitlines()] == [
        ["work", "unknown", "?", "?", "-"],
        ["home", "unknown", "?", "?", "-"],
    ]


def test_the_table_is_aligned_and_best_first(stage: AccountStage, run_script: RunScript) -> None:
    stage.figure("home", "five_hour", 10)
    stage.figure("work", "five_hour", 60)
    stage.state({"window": "fleet:1", "account": "work", "state": "running"})
    lines = run_script("balance").stdout.splitlines()
    assert lines[0].split()[:2] == ["ACCOUNT", "STATE"]
    assert [line.split()[0] for line in lines[1:]] == ["home", "work"]
    assert {line.index("ok") for line in lines[1:]} == {lines[0].index("STATE")}
    assert lines[2].split()[5] == "1"


def test_json_has_each_figure_with_source_and_age(stage: AccountStage, run_script: RunScript) -> None:
    stage.figure("work", "five_hour", 25)
    entry = next(one for one in json.loads(run_script("balance", "--json").stdout) if one["account"] == "work")
    assert (entry["state"], entry["five_hour_left_percent"], entry["weekly_left_percent"]) == ("ok", 75, None)
    window = entry["windows"]["five_hour"]
    assert (window["used_percent"], window["source"], window["wall"]) == (25, "status line", False)
    assert 55 < window["age_seconds"] < 120
    assert window["has_reset"] is False


def test_without_accounts_it_is_the_users_own(home: Path, run_script: RunScript) -> None:
    assert run_script("balance", "--why").stdout == "own unknown ? ? - nothing is known of it yet\n"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        '{"accounts": []}',
        '{"accounts": {"work": {"five_hour": {"used_percent": -1, "resets_at": 1, "at": 1}}}}',
        '{"accounts": {"work": {"five_hour": {"used_percent": NaN, "resets_at": NaN, "at": NaN}}}}',
        '{"accounts": {"work": {"five_hour": {"used_percent": 100, "resets_at": 99999999999, "at": 99999999990}}}}',
        '{"accounts": {"../x": {"five_hour": {"used_percent": 5, "resets_at": 0, "at": 1}}}}',
        "[" * 100_000,
    ],
)
def test_a_ledger_that_makes_no_sense_is_as_if_empty(stage: AccountStage, run_script: RunScript, content: str) -> None:
    (stage.fleet / "ledger.json").write_text(content)
    done = run_script("balance", "--why")
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["unknown", "unknown"]


def test_notes_of_many_writers_are_all_kept(stage: AccountStage) -> None:
    from concurrent.futures import ThreadPoolExecutor

    now = time.time()
    names = [f"account-{n}" for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        noted = list(
            pool.map(lambda name: AccountLedger(stage.fleet).note_wall(name, "", now + 60, now, "screen"), names)
        )
    assert noted == [True] * 40
    assert set(AccountLedger(stage.fleet).read()) == set(names)
    assert (stage.fleet / "ledger.json").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_is_not_noted(stage: AccountStage) -> None:
    now, ledger = time.time(), AccountLedger(stage.fleet)
    assert not ledger.note_wall("work", "five_hour", now - 5, now, "screen")
    assert not ledger.note_wall("../work", "five_hour", now + 5, now, "screen")
    assert not ledger.note_usage("work", "a b/c", 5, now + 5, now, "screen")
    assert not ledger.note_usage("work", "five_hour", "5", now + 5, now, "screen")
    assert not (stage.fleet / "ledger.json").exists()
