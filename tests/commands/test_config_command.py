"""``config``: every setting with its value and its source, and one set without harm to the rest of the file."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.config import TABLES
from fleetscripts.core.records.toml_edit import line_of, with_value
from tests.conftest import RunScript
from tests.places import BUNDLE

FILE = """# how the fleet works
idle_threshold_seconds = 300  # "five" minutes # and so on
protected_branches = [
    "main",
    "idle_threshold_seconds = 1",
]  # never

[notify]
hooks = "not the setting"
"""


@pytest.fixture
def file(home: Path) -> Path:
    (home / "fleet").mkdir()
    found = home / "fleet" / "config.toml"
    found.write_text(FILE)
    return found


def listed(run_script: RunScript, *words: str, **more: Any) -> dict[str, tuple[Any, str]]:
    done = run_script("config", "--json", *words, **more)
    assert done.returncode == 0, done.stderr
    return {one["name"]: (one["value"], one["source"]) for one in json.loads(done.stdout)}


def test_every_setting_says_where_it_comes_from(file: Path, home: Path, run_script: RunScript) -> None:
    (home / "state.json").write_text(json.dumps({"agents": [], "supervision": "on-demand"}))
    found = listed(run_script, env={"POLL_INTERVAL": "7"})
    assert found["idle_threshold_seconds"] == (300, f"{file}:2")
    assert found["protected_branches"] == (["main", "idle_threshold_seconds = 1"], f"{file}:3")
    assert found["poll_interval_seconds"] == (7, "POLL_INTERVAL")
    assert found["supervision"] == ("on-demand", "the state file")
    assert found["hooks"] == (True, "default")
    assert found["state_file"] == (str(home / "state.json"), "ORCHESTRATOR_STATE_FILE")
    shown = run_script("config", "hooks").stdout.splitlines()
    assert [line.split() for line in shown] == [["SETTING", "VALUE", "FROM"], ["hooks", "true", "default"]]


def test_what_stands_in_tables_is_shown_there_and_set_there(file: Path, run_script: RunScript) -> None:
    assert listed(run_script)["review"] == (None, "default")
    assert listed(run_script, "ci_required", "true")["ci_required"] == (True, f"{file}:7")
    assert listed(run_script, "github_timeout_seconds", "30")["github_timeout_seconds"][0] == 30
    file.write_text(file.read_text().replace("[notify]\nhooks", "[review]\nrequired = true\n[other]\nhooks"))
    assert listed(run_script, "review") == {"review.required": (True, f"{file}, [review]")}
    assert listed(run_script, "other") == {"other.hooks": ("not the setting", f"{file}, [other]")}
    refused = run_script("config", "review.required", "false")
    assert refused.returncode == 2
    assert f"expected it to be written in the table [review] of {file}" in refused.stderr
    for line in ("ci_required = 1", "github_timeout_seconds = 0", 'github_servers = "a"'):
        file.write_text(line)
        assert line.partition(" ")[0] in run_script("config").stderr


def test_the_tables_that_config_lists_are_read() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (BUNDLE / "fleetscripts").rglob("*.py")]
    reads = re.compile(r"""^TABLE = "(\w+)"|\bextra(?:\.get\(|, )"(\w+)\"""", re.M)
    assert {one or other for text in texts for one, other in reads.findall(text)} >= set(TABLES)


def test_one_is_set_and_everything_else_stays(file: Path, run_script: RunScript) -> None:
    assert listed(run_script, "idle_threshold_seconds", "600")["idle_threshold_seconds"][0] == 600
    assert listed(run_script, "protected_branches", "main, next")["protected_branches"][0] == ["main", "next"]
    assert listed(run_script, "add_spares", "true")["add_spares"] == (True, f"{file}:4")
    assert listed(run_script, "verify_command", 'make "a" # b')["verify_command"][0] == 'make "a" # b'
    text = file.read_text()
    assert text.startswith(
        '# how the fleet works\nidle_threshold_seconds = 600  # "five" minutes # and so on\n'
        'protected_branches = ["main", "next"]  # never\nadd_spares = true\n'
    )
    assert text.endswith('\n\n[notify]\nhooks = "not the setting"\n')


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("nonsense", "1", "no setting 'nonsense'; there are: "),
        ("home", "/x", "no setting 'home'"),
        ("hooks", "maybe", "expected true or false"),
        ("idle_threshold_seconds", "soon", "expected a number of seconds"),
        ("idle_threshold_seconds", "0", "expected a positive number"),
        ("idle_threshold_seconds", "NaN", "expected a number of seconds"),
        ("most_worktrees", "1.5", "expected a whole number"),
        ("supervision", "always", "expected one of active"),
        ("state_file", "relative", "expected an absolute path"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    name: str, value: str, why: str, file: Path, run_script: RunScript
) -> None:
    done = run_script("config", name, value)
    assert (done.returncode, done.stderr.count("\n"), why in done.stderr) == (2, 1, True), done.stderr
    assert file.read_text() == FILE


def test_without_a_file_one_is_made_and_a_stronger_place_is_told(home: Path, run_script: RunScript) -> None:
    done = run_script("config", "poll_interval_seconds", "9", env={"POLL_INTERVAL": "7"})
    assert (done.returncode, "POLL_INTERVAL wins over it" in done.stderr) == (0, True)
    made = home / "fleet" / "config.toml"
    assert (made.read_text(), made.stat().st_mode & 0o777) == ("poll_interval_seconds = 9\n", 0o600)


@given(st.sampled_from(("a", "idle_threshold_seconds", "protected_branches")), st.text(max_size=20))
def test_any_text_goes_in_and_comes_back_beside_what_was_there(name: str, value: str) -> None:
    value = value.encode("utf-8", "ignore").decode().replace("\x7f", "")
    changed = with_value(FILE, name, json.dumps(value, ensure_ascii=False))
    assert tomllib.loads(changed) == tomllib.loads(FILE) | {name: value}
    assert line_of(changed, name) > 0
