"""verify-complete against GitHub: the real gh, on a server that holds the pull request of each situation."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.github.settled_threads import SettledThreads
from fleetscripts.commands import verify_complete
from fleetscripts.services.context import load_fleet
from fleetscripts.services.pulls.verify_github import note_settled_threads
from tests.conftest import RunScript
from tests.fake_github import table
from tests.fake_github.scene import EXIT, KEY, SITUATIONS, WINDOW, Work, build, prepare, situation_in
from tests.fake_github.server import TASK_STARTED, World, serve

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Work:
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "tester@localhost"))
    try:
        return build(tmp_path_factory.mktemp("github") / "git")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def cases() -> list[Any]:
    """Every situation; the longest only among the long tests."""
    slow = [file for file in SITUATIONS if situation_in(file).get("slow")]
    return [pytest.param(file, id=file.stem, marks=[pytest.mark.stress] * (file in slow)) for file in SITUATIONS]


@pytest.mark.parametrize("file", cases())
def test_a_situation_has_its_verdict_and_its_sentence(
    file: Path,
    template: Work,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    situation = situation_in(file)
    socket = tmp_path / "gh.sock"
    for name, value in prepare(home, template, situation, socket).items():
        monkeypatch.setenv(name, value)
    with (
        serve(World(situation, template.commits), socket) as world,
        template.branch_deleted("branch_deleted" in situation),
    ):
        code = verify_complete.main([WINDOW])
        requests = world.requests
    said = "".join(capsys.readouterr())
    assert code == EXIT[situation["verdict"]], said
    assert situation["says"] in said
    assert requests == situation.get("requests", 1)
    assert "\x1b" not in said


def test_there_are_enough_situations() -> None:
    assert len(SITUATIONS) >= 40
    assert {situation_in(file)["verdict"] for file in SITUATIONS} == set(EXIT)


def test_the_page_of_situations_is_as_the_files_are() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "tests/situations --write"


def test_the_common_case_takes_one_request(template: Work, home: Path, run_script: RunScript, tmp_path: Path) -> None:
    environment = prepare(home, template, {}, tmp_path / "gh.sock")
    with serve(World({}, template.commits), tmp_path / "gh.sock") as world:
        done = run_script("verify-complete", WINDOW, env=environment)
    assert (done.returncode, world.requests) == (0, 1), done.stdout


def test_once_a_limit_is_known_nobody_asks_again(
    template: Work, home: Path, run_script: RunScript, tmp_path: Path
) -> None:
    situation = {"http": {"status": 403, "body": {"code": "abuse"}}}
    environment = prepare(home, template, situation, tmp_path / "gh.sock")
    with serve(World(situation, template.commits), tmp_path / "gh.sock") as world:
        first = run_script("verify-complete", WINDOW, env=environment)
        second = run_script("verify-complete", WINDOW, env=environment)
    assert (first.returncode, second.returncode, world.requests) == (1, 1, 1)
    until = json.loads((home / "fleet" / "github-budget.json").read_text())["github.com"][0]
    assert 120 <= until - time.time() <= 300


def test_without_gh_nothing_is_verified(template: Work, home: Path, run_script: RunScript, tmp_path: Path) -> None:
    environment = prepare(home, template, {}, tmp_path / "gh.sock")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "tmux"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    done = run_script("verify-complete", WINDOW, env={**environment, "PATH": str(tools)})
    assert done.returncode == 1
    assert "install it and log in" in done.stdout


def test_threads_resolved_before_the_task_are_noted_as_it_begins(
    template: Work, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation = {"threads": [{}, {"resolved": False}, {}]}
    for name, value in prepare(home, template, situation, tmp_path / "gh.sock").items():
        monkeypatch.setenv(name, value)
    settings, fleet = load_fleet(os.environ)
    (agent,) = fleet.agents
    with serve(World(situation, template.commits), tmp_path / "gh.sock"):
        assert note_settled_threads(agent, fleet, settings) == ""
    kept = SettledThreads(home / "fleet" / "threads").read(KEY, TASK_STARTED)
    assert kept == {"T0", "T2"}
    assert "will be judged too" in note_settled_threads(agent, fleet, settings)
