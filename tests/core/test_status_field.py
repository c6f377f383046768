"""A field of status is a row: what a client's files tell of it is recorded and shown without another place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.progress import LONGEST_SHOWN, note
from fleetscripts.fleet import Agent
from fleetscripts.models import Classification, PaneState
from tests.places import BUNDLE

ROW = """Column("VERSION", shown("version"), optional=True, dropped=1, most=10, from_width=120, member="version",
           value=lambda line: (line.agent.seen.shown or {}).get("version")),"""
IDLE = Classification(PaneState.IDLE, "at its prompt")


def test_a_row_is_all_that_a_field_needs(home: Path, tmp_path: Path) -> None:
    package = tmp_path / "bundle" / "fleetscripts"
    shutil.copytree(BUNDLE / "fleetscripts", package, ignore=shutil.ignore_patterns("__pycache__"))
    columns = package / "core" / "reports" / "status_columns.py"
    text = columns.read_text(encoding="utf-8")
    last = '    Column("NOTE"'
    assert text.count(last) == 1
    columns.write_text(text.replace(last, f"    {ROW}\n{last}"), encoding="utf-8")
    agents = [
        {"window": "s:1", "worktree": "a", "seen": {"shown": {"version": "2.1.332"}}},
        {"window": "s:2", "worktree": "b"},
    ]
    (home / "state.json").write_text(json.dumps({"agents": agents}))
    script = [sys.executable, "-I", str(package / "__main__.py"), "status"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(subprocess.run([*script, "--json"], capture_output=True, text=True, check=True).stdout)
    assert [agent.get("version") for agent in told["agents"]] == ["2.1.332", None]
    head, first, second = done.stdout.splitlines()[2:5]
    at = head.index("VERSION")
    assert (first[at:].split()[0], second[at:].split()[0]) == ("2.1.332", "-")


def test_what_a_client_tells_is_masked_and_short_and_stays_until_it_is_told_anew() -> None:
    hostile = Observation(IDLE, shown={"version": "1\x1b[31m\n" + "x" * 500, "model": "sk-ant-api03-" + "a" * 90})
    agent = note(Agent("s:1"), hostile, 300, time.time())
    told = agent.seen.shown or {}
    assert len(told["version"]) <= LONGEST_SHOWN
    assert told["version"].isprintable()
    assert "sk-ant-api03-aaaa" not in told["model"]
    again = note(agent, Observation(IDLE, shown={"version": "2"}), 300, time.time())
    assert again.seen.shown == {**told, "version": "2"}
    assert note(again, Observation(IDLE), 300, time.time()).seen.shown == again.seen.shown
