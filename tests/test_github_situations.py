"""verify-complete against GitHub: the real gh, on a server that holds the pull request of each situation."""

from __future__ import annotations

import json
import os
import shutil
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.settled_threads import SettledThreads
from fleetscripts.commands import verify_complete
from fleetscripts.pull_request import PullKey
from fleetscripts.services.context import load_fleet
from fleetscripts.services.verify_github import note_settled_threads
from tests.conftest import RunScript
from tests.fake_github.server import TASK_STARTED, World, serve
from tests.places import GitRepo

SITUATIONS = sorted((Path(__file__).parent / "fake_github" / "situations").glob("*.toml"))
EXIT = {"verified": 0, "not_complete": 3, "pending": 8, "unknown": 1}
WINDOW = "fleet:3"

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")


@dataclass(frozen=True)
class Work:
    """A worktree at ``head`` of ``feat/x``, pushed, and the commits that situations name."""

    path: Path
    commits: Mapping[str, tuple[str, str, float]]


def build(root: Path) -> Work:
    """Commits: start (older than the task), fix (touches src/a.py), head; what a rebase took away; one of elsewhere."""
    repo = GitRepo(root).create()
    (path,) = repo.add_spares(1)
    commits: dict[str, tuple[str, str, float]] = {}

    def commit(name: str, message: str, seconds: int, **files: str) -> None:
        for file, text in files.items():
            target = path / "src" / f"{file}.py"
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
        at = f"{TASK_STARTED + seconds} +0000"
        repo.git("add", "-A", cwd=path)
        repo.git("-c", "user.name=agent", "commit", "-q", "--allow-empty", "-m", message, f"--date={at}", cwd=path)
        env_at = {"GIT_COMMITTER_DATE": at}
        _amend(repo, path, env_at)
        commits[name] = (repo.git("rev-parse", "HEAD", cwd=path), message, float(TASK_STARTED + seconds))

    repo.git("checkout", "-q", "-b", "feat/x", cwd=path)
    commit("start", "Start", -100, b="b\n")
    commit("rebased_change", "Fix it, first try", 110, a="fixed\n")
    repo.git("reset", "-q", "--hard", "HEAD^", cwd=path)
    commit("rebased_message", "Fix the parser", 120, a="fixed, otherwise\n")
    repo.git("reset", "-q", "--hard", "HEAD^", cwd=path)
    commit("elsewhere", "Something else", 130, c="c\n")
    repo.git("branch", "-q", "elsewhere", cwd=path)
    repo.git("reset", "-q", "--hard", "HEAD^", cwd=path)
    commit("fix", "Fix the parser", 150, a="fixed\n")
    commit("head", "Finish", 180, d="d\n")
    repo.git("push", "-q", "-u", "origin", "feat/x", cwd=path)
    return Work(path, commits)


def _amend(repo: GitRepo, path: Path, env: Mapping[str, str]) -> None:
    import subprocess

    subprocess.run(
        ["git", "commit", "-q", "--amend", "--no-edit", "--allow-empty"],
        cwd=path,
        env={**os.environ, **env},
        check=True,
    )


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


def prepare(home: Path, work: Work, situation: Mapping[str, Any], socket: Path) -> dict[str, str]:
    """State, settings and a logged-in gh whose GitHub is the server on ``socket``."""
    agent = {
        "window": WINDOW, "worktree": work.path.name, "worktree_path": str(work.path), "spare_branch": "spare/1",
        "branch": "feat/x", "steps": [], "checkpoints": [], "pr_number": "12", "spawned_at": TASK_STARTED,
        "task_started_at": TASK_STARTED, "state": "complete",
    } | situation.get("agent", {})  # fmt: skip
    top = {"repo": "acme/widget"} | situation.get("top", {})
    (home / "state.json").write_text(json.dumps({**top, "agents": [agent]}))
    fleet_home, gh = home / "fleet", home / "gh"
    fleet_home.mkdir()
    settings = {"github_timeout_seconds": 3} | situation.get("config", {})
    (fleet_home / "config.toml").write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items()))
    gh.mkdir()
    (gh / "config.yml").write_text(f"http_unix_socket: {socket}\n")
    if situation.get("settled_before"):
        settle(fleet_home, situation)
    return {"GH_CONFIG_DIR": str(gh), "GH_TOKEN": "x"}


def settle(fleet_home: Path, situation: Mapping[str, Any]) -> None:
    count = situation.get("many_threads", {}).get("count", 0) + len(situation.get("threads", []))
    file = SettledThreads(fleet_home / "threads")._file(PullKey("github.com", "acme", "widget", 12), TASK_STARTED)
    file.parent.mkdir()
    file.write_text(json.dumps([f"T{n}" for n in range(count)]))


@pytest.mark.parametrize("file", SITUATIONS, ids=[file.stem for file in SITUATIONS])
def test_a_situation_has_its_verdict_and_its_sentence(
    file: Path,
    template: Work,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    situation = tomllib.loads(file.read_text(encoding="utf-8"))
    socket = tmp_path / "gh.sock"
    for name, value in prepare(home, template, situation, socket).items():
        monkeypatch.setenv(name, value)
    with serve(World(situation, template.commits), socket):
        code = verify_complete.main([WINDOW])
    said = "".join(capsys.readouterr())
    assert code == EXIT[situation["verdict"]], said
    assert situation["says"] in said
    assert "\x1b" not in said


def test_there_are_enough_situations() -> None:
    assert len(SITUATIONS) >= 40
    assert {tomllib.loads(file.read_text())["verdict"] for file in SITUATIONS} == set(EXIT)


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
    git = shutil.which("git")
    assert git is not None
    (tools / "git").symlink_to(git)
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
    kept = SettledThreads(home / "fleet" / "threads").read(PullKey("github.com", "acme", "widget", 12), TASK_STARTED)
    assert kept == {"T0", "T2"}
    assert "will be judged too" in note_settled_threads(agent, fleet, settings)
