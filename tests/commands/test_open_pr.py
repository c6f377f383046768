"""``open-pr``: the branch pushed where the record says, one pull request opened with the objective, its number kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.records.sanitize import width
from fleetscripts.core.reports.pull_text import LONGEST_TITLE, MOST_OF_A_TITLE, pull_body, pull_title
from tests.conftest import RunScript
from tests.fake_github.opening import OpeningWorld
from tests.fake_github.server import serve
from tests.places import BUNDLE, GitRepo, environment
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")
OBJECTIVE = "Add the parser\n\nCloses #1, asks @everyone, `$(touch x)` and\n```\nwith token=ghp_" + "a1B2" * 9


@dataclass
class Scene:
    """One agent on feat/x in a worktree, with a commit that nobody has pushed."""

    repo: GitRepo
    path: Path
    home: Path
    world: OpeningWorld
    run_script: RunScript

    def record(self, top: Mapping[str, Any] | None = None, **fields: Any) -> None:
        git_dir = self.repo.git("rev-parse", "--absolute-git-dir", cwd=self.path)
        repository = {
            "git_dir": git_dir, "common_dir": str(self.repo.path / ".git"), "remote": "origin",
            "url": str(self.repo.origin), "base_url": str(self.repo.origin),
        }  # fmt: skip
        agent = {
            "window": "fleet:1", "worktree": self.path.name, "worktree_path": str(self.path), "objective": OBJECTIVE,
            "branch": "feat/x", "spare_branch": "spare/1", "repository": repository,
        } | fields  # fmt: skip
        state = {"repo": "acme/widget", **(top or {}), "agents": [agent]}
        (self.home / "state.json").write_text(json.dumps(state), encoding="utf-8")

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run_script("open-pr", self.path.name, *words, env=self.environment)

    @property
    def environment(self) -> dict[str, str | None]:
        return {"GH_CONFIG_DIR": str(self.home / "gh"), "GH_TOKEN": "x"}

    @property
    def number(self) -> str:
        return str(json.loads((self.home / "state.json").read_text(encoding="utf-8"))["agents"][0]["pr_number"])

    def there(self, branch: str = "feat/x") -> str:
        return self.repo.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", cwd=self.repo.origin)

    def head(self) -> str:
        return self.repo.git("rev-parse", "HEAD", cwd=self.path)


@pytest.fixture
def scene(git_repo: GitRepo, home: Path, run_script: RunScript, tmp_path: Path) -> Iterator[Scene]:
    (path,) = git_repo.add_spares(1)
    git_repo.git("checkout", "-q", "-b", "feat/x", cwd=path)
    (path / "parser.py").write_text("ok\n")
    git_repo.commit("Parser", cwd=path)
    (home / "gh").mkdir()
    (home / "gh" / "config.yml").write_text(f"http_unix_socket: {tmp_path}/s\n")
    with serve(OpeningWorld({}, {}), tmp_path / "s") as world:
        assert isinstance(world, OpeningWorld)
        made = Scene(git_repo, path, home, world, run_script)
        made.record()
        yield made


def test_what_is_committed_is_pushed_and_offered_and_the_number_is_on_record(scene: Scene) -> None:
    (scene.path / "more.txt").touch()
    done = scene.call("--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["url"] == "https://github.com/acme/widget/pull/101"
    assert (told["pr_number"], told["opened"], told["pushed"], told["base"]) == (101, True, True, "main")
    assert "1 changed files are not committed" in done.stderr
    assert (scene.number, scene.there()) == ("101", scene.head())
    (made,) = scene.world.made
    assert (made["headRefName"], made["baseRefName"], made["draft"]) == ("feat/x", "main", False)
    assert made["title"] == "Add the parser"
    body = made["body"]
    assert "ghp_" not in body
    assert "[masked]" in body
    assert body.count("````") == 2
    assert body.index("````") < body.index("@everyone") < body.rindex("````")
    history = scene.run_script("history", scene.path.name).stdout
    assert "its pull request: #101 opened, branch pushed" in history


def test_a_second_call_makes_no_second_one_and_pushes_what_is_new(scene: Scene) -> None:
    assert scene.call().returncode == 0
    again = scene.call()
    assert (again.returncode, again.stdout) == (0, "https://github.com/acme/widget/pull/101\n")
    assert again.stderr == "open-pr: #101 open already, on record\n"
    scene.repo.commit("More", cwd=scene.path)
    told = json.loads(scene.call("--json").stdout)
    assert (told["opened"], told["pushed"], scene.there()) == (False, True, scene.head())
    assert len(scene.world.made) == 1


def test_an_open_one_of_this_branch_is_recorded_and_a_namesake_of_a_fork_is_not_ours(scene: Scene) -> None:
    scene.world.opened("feat/x", owner="stranger")
    mine = scene.world.opened("feat/x", owner="Acme")
    assert json.loads(scene.call("--json").stdout)["opened"] is False
    assert (scene.number, scene.world.made) == (str(mine), [])


def test_from_a_fork_it_is_offered_by_its_owner(scene: Scene, tmp_path: Path) -> None:
    """git is made to reach the fork's address by a transport of this test's, as ssh would be."""
    fork = tmp_path / "fork.git"
    scene.repo.git("clone", "-q", "--bare", str(scene.repo.origin), str(fork))
    (scene.home / "ssh").write_text(f'#!/bin/sh\nfor word; do :; done\nexec sh -c "${{word%% *}} {fork}"\n')
    (scene.home / "ssh").chmod(0o755)
    scene.repo.git("config", "--global", "core.sshCommand", str(scene.home / "ssh"))
    agent = json.loads((scene.home / "state.json").read_text())["agents"][0]
    scene.record(repository={**agent["repository"], "url": "git@github.com:mine/widget.git"})
    done = scene.call()
    assert done.returncode == 0, done.stderr
    assert scene.world.made[0]["headRefName"] == "mine:feat/x"
    assert scene.repo.git("rev-parse", "feat/x", cwd=fork) == scene.head()
    assert scene.there() == ""


Change = Callable[[Scene], object]
REFUSALS: list[tuple[str, Change, str]] = [
    ("nothing committed", lambda s: s.repo.git("reset", "-q", "--hard", "main", cwd=s.path), "nothing to offer"),
    ("behind the base", lambda s: s.repo.git("reset", "-q", "--hard", "main~0", cwd=s.path), "nothing to offer"),
    ("protected", lambda s: s.record(branch="main"), "main is a branch that nothing is pushed to"),
    ("protected by pattern", lambda s: s.record(branch="release/1"), "nothing is pushed to"),
    ("a spare", lambda s: s.record(branch="spare/1"), "nothing is pushed to"),
    ("no branch", lambda s: s.record(branch=""), "no branch on record"),
    ("not there", lambda s: s.record(branch="feat/none"), "no branch feat/none"),
    ("a path for a branch", lambda s: s.record(branch="feat/x:parser.py"), "no branch feat/x:parser.py"),
    ("no remote", lambda s: s.record(repository=None), "no remote was recorded"),
    ("recycled", lambda s: s.record(state="recycled"), "was recycled"),
    ("another number", lambda s: s.record(pr_number="7"), "#7 on record, which is not open"),
    ("another host", lambda s: s.record({"repo": "ghe.example.com/acme/widget"}, repository={
        **_repository(s), "url": "https://github.com/acme/widget"}), "pushed to github.com"),
    ("rewritten", lambda s: s.repo.git("config", f"url.{s.home}/evil.insteadOf", str(s.repo.origin)), "push to"),
    ("push rewritten", lambda s: s.repo.git("config", f"url.{s.home}/evil.pushInsteadOf", str(s.repo.root)),
     "would push to"),
    ("a remote called so", lambda s: s.repo.git("config", f"remote.{s.repo.origin}.pushurl", "/evil"), "push to /evil"),
    ("its receiver", lambda s: s.repo.git("config", f"remote.{s.repo.origin}.receivepack", "evil"), "would push to"),
    ("a worktree's own rewriting", lambda s: (
        s.repo.git("config", "extensions.worktreeConfig", "true"),
        s.repo.git("config", "--worktree", "url./evil.pushInsteadOf", str(s.repo.origin), cwd=s.path)), "push to"),
]  # fmt: skip


def _repository(scene: Scene) -> dict[str, str]:
    found: dict[str, str] = json.loads((scene.home / "state.json").read_text())["agents"][0]["repository"]
    return found


@pytest.mark.parametrize(("change", "words"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_what_is_not_to_be_pushed_is_refused_and_nothing_happens(scene: Scene, change: Change, words: str) -> None:
    change(scene)
    before = scene.repo.git("for-each-ref", cwd=scene.repo.origin)
    done = scene.call()
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert scene.repo.git("for-each-ref", cwd=scene.repo.origin) == before
    assert scene.world.made == []


def test_commits_that_are_only_there_are_never_pushed_over(scene: Scene) -> None:
    scene.repo.git("push", "-q", "origin", "feat/x", cwd=scene.path)
    scene.repo.git("commit", "-q", "--amend", "-m", "again", cwd=scene.path)
    before = scene.there()
    done = scene.call()
    assert done.returncode == 1
    assert "rejected" in done.stderr
    assert (scene.there(), scene.world.made) == (before, [])


def test_settings_of_the_repository_push_nothing_beside_the_branch(scene: Scene) -> None:
    for name, value in (("push.followTags", "true"), ("push.gpgSign", "true"), ("push.pushOption", "x"),
                        ("push.recurseSubmodules", "on-demand"), ("push.default", "matching"),
                        ("core.hooksPath", str(scene.home / "hooks"))):  # fmt: skip
        scene.repo.git("config", name, value)
    (scene.home / "hooks").mkdir()
    (scene.home / "hooks" / "pre-push").write_text(f"#!/bin/sh\ntouch {scene.home}/ran\n")
    (scene.home / "hooks" / "pre-push").chmod(0o755)
    scene.repo.git("tag", "-a", "v1", "-m", "one", cwd=scene.path)
    done = scene.call()
    assert done.returncode == 0, done.stderr
    refs = scene.repo.git("for-each-ref", "--format=%(refname)", cwd=scene.repo.origin).splitlines()
    assert refs == ["refs/heads/feat/x", "refs/heads/main"]
    assert not (scene.home / "ran").exists()


def test_calls_beside_each_other_make_one(scene: Scene) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: scene.call(), range(4)))
    assert {one.returncode for one in done} == {0}, [one.stderr for one in done]
    assert len(scene.world.made) == 1


@pytest.mark.parametrize("at", ["offers", "create", "answer"])
def test_a_call_that_was_killed_is_finished_by_the_next(scene: Scene, at: str) -> None:
    scene.world.hold_at = at
    script = str(BUNDLE / "fleetscripts" / "__main__.py")
    first = subprocess.Popen(
        [sys.executable, "-I", script, "open-pr", scene.path.name], env=environment(scene.environment),
        start_new_session=True,
    )  # fmt: skip
    wait_until(scene.world.held.is_set, what=f"the request at {at}")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    scene.world.hold_at = ""
    scene.world.release.set()
    done = scene.call()
    assert done.returncode == 0, done.stderr
    assert (len(scene.world.made), scene.number, scene.there()) == (1, "101", scene.head())


def test_when_the_answer_is_lost_the_one_that_was_made_is_found(scene: Scene) -> None:
    scene.world.lose_answer = True
    assert scene.call().returncode == 0
    assert (len(scene.world.made), scene.number) == (1, "101")


@pytest.mark.parametrize(("says", "code"), [("No commits between main and feat/x", 1), ("must be a collaborator", 1)])
def test_what_github_refuses_is_told_in_one_line(scene: Scene, says: str, code: int) -> None:
    scene.world.refuses = says
    done = scene.call()
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_base_title_and_draft_are_the_callers(scene: Scene) -> None:
    scene.repo.git("push", "-q", "origin", "main:develop")
    title = "-x `$(touch ran)`\n$HOME"
    assert scene.call("--base", "develop", "--title", title, "--draft").returncode == 0
    (made,) = scene.world.made
    assert (made["baseRefName"], made["title"], made["draft"]) == ("develop", "-x `$(touch ran)` $HOME", True)
    assert scene.call("--base", "nowhere").returncode == 3


@given(st.text(max_size=400))
def test_any_objective_makes_a_title_of_one_line_and_a_body_that_is_only_text(objective: str) -> None:
    title, body = pull_title(objective, "feat/x"), pull_body(objective)
    assert 0 < len(title) <= MOST_OF_A_TITLE
    assert width(title) <= LONGEST_TITLE
    assert len(title.splitlines()) == 1
    lines = body.splitlines()
    if lines:
        assert lines[2] == lines[-1] == "`" * len(lines[2])
        assert lines[2] not in "\n".join(lines[3:-1])
