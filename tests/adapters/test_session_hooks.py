"""The plugin's hooks that keep an orchestrating session on its thread, and stay silent in every other one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.fleet import Agent, Fleet
from tests.conftest import RunScript
from tests.places import BUNDLE, environment

HOOKS = ("say-what-survived", "say-nobody-waits")


def transcript(home: Path, text: str) -> Path:
    file = home / "transcript.jsonl"
    file.write_text(json.dumps({"message": {"content": text}}, separators=(",", ":")) + "\n")
    return file


def run_hook(home: Path, name: str, file: Path, **members: object) -> str:
    request = {"session_id": "a1b2-c3", "transcript_path": str(file), **members}
    done = subprocess.run(
        [BUNDLE / "hooks" / name], input=json.dumps(request), capture_output=True, text=True, check=False, timeout=60,
        env=environment({"HOME": str(home), "CLAUDE_PLUGIN_DATA": str(home / "data")}),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


ORCHESTRATES = "<command-name>/fleetscripts:orchestrate</command-name>"


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("text", ["hello", "orchestrate the release", "/orchestrate"])
def test_any_other_session_hears_nothing(home: Path, name: str, text: str) -> None:
    assert run_hook(home, name, transcript(home, text)) == ""
    assert run_hook(home, name, home / "no such file") == ""


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("request_", ["", "{", "null", '{"session_id": "../../x", "transcript_path": "/etc/passwd"}'])
def test_a_request_that_is_not_understood_is_silence(home: Path, name: str, request_: str) -> None:
    done = subprocess.run(
        [BUNDLE / "hooks" / name], input=request_, capture_output=True, text=True, check=False, timeout=60,
        env=environment({"HOME": str(home)}),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_after_a_compaction_at_most_ten_lines_say_what_survived(home: Path) -> None:
    agents = tuple(Agent(f"nowhere:{at}", pane_id=f"%{at}", worktree=f"tree{at}") for at in range(30))
    Store(home / "state.json").update(lambda _: Fleet(agents=agents), create=Fleet())
    said = run_hook(home, "say-what-survived", transcript(home, ORCHESTRATES))
    assert 1 < len(said.splitlines()) <= 10
    assert said.startswith("the fleet is active: 0 of 30 agents are alive")
    assert f"its scripts lie in {BUNDLE}/scripts." in said


def test_without_agents_at_work_nobody_is_told_to_wait(home: Path) -> None:
    file = transcript(home, ORCHESTRATES)
    assert run_hook(home, "say-nobody-waits", file) == ""
    assert run_hook(home, "say-nobody-waits", file, stop_hook_active=True) == ""
    assert not (home / "data" / "told").exists()


def test_in_an_orchestrators_session_missing_rules_are_told_with_what_mends_it(
    run_script: RunScript, home: Path
) -> None:
    assert "permissions" not in run_script("startup-recovery").stdout, "a person's shell asks nobody"
    inside = {"CLAUDECODE": "1"}
    line = run_script("startup-recovery", env=inside).stdout.splitlines()[-1]
    assert line.startswith("permissions: ")
    assert line.endswith("setup --yes")
    assert json.loads(run_script("startup-recovery", "--json", env=inside).stdout)["permissions"] == line
    run_script("setup", "--yes")
    assert "permissions" not in run_script("startup-recovery", env=inside).stdout


def data_folder(home: Path, **more: str) -> str:
    argv = ["sh", "-c", f'. "{BUNDLE}/fleetscripts/environment.sh"; echo "$fleet_data"']
    env = environment({"HOME": str(home), "XDG_DATA_HOME": str(home / "shared"), **more})
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_packages_lie_in_the_plugins_folder_unless_they_are_prepared_already(home: Path) -> None:
    plugin = str(home / "plugin")
    shared = home / "shared" / "fleetscripts"
    assert data_folder(home) == str(shared)
    assert data_folder(home, CLAUDE_PLUGIN_DATA=plugin) == plugin
    assert data_folder(home, CLAUDE_PLUGIN_DATA="relative") == str(shared)
    shared.mkdir(parents=True)
    assert data_folder(home, CLAUDE_PLUGIN_DATA=plugin) == str(shared)
