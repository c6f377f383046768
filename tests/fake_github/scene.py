"""A situation set up for the real product: worktrees whose commits situations name, a state file, a logged-in gh."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleetscripts.adapters.github.settled_threads import SettledThreads
from fleetscripts.pull_request import PullKey
from tests.fake_github.server import TASK_STARTED
from tests.places import GitRepo

FOLDER = Path(__file__).parent / "situations"
SITUATIONS = sorted(FOLDER.glob("*.toml"))
EXIT = {"verified": 0, "not_complete": 3, "pending": 8, "unknown": 1}
WINDOW = "fleet:3"
KEY = PullKey("github.com", "acme", "widget", 12)


def situation_in(file: Path) -> dict[str, Any]:
    """What a file of ``situations`` says; its form is in CONTRIBUTING.md."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Work:
    """A repository with a worktree at ``head`` of ``feat/x``, pushed; others by the commit they stand at."""

    repo: GitRepo
    path: Path
    commits: Mapping[str, tuple[str, str, float]]
    others: Mapping[str, Path] = field(default_factory=dict)

    @contextmanager
    def branch_deleted(self, deleted: bool) -> Iterator[None]:
        """The branch is gone from the remote, as after a merge."""
        if deleted:
            self.repo.git("push", "-q", "origin", ":feat/x", cwd=self.path)
        try:
            yield
        finally:
            if deleted:
                self.repo.git("push", "-q", "origin", "feat/x", cwd=self.path)


@dataclass
class _Author:
    """Commits at set times; what situations call them is remembered."""

    repo: GitRepo
    commits: dict[str, tuple[str, str, float]] = field(default_factory=dict)

    def commit(self, path: Path, name: str, message: str, seconds: int, **files: str) -> None:
        for file, text in files.items():
            target = path / "src" / f"{file}.py"
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
        self.run(path, seconds, "add", "-A")
        self.run(path, seconds, "commit", "-q", "--allow-empty", "-m", message)
        self.note(path, name, message, seconds)

    def note(self, path: Path, name: str, message: str, seconds: int) -> None:
        self.commits[name] = (self.repo.git("rev-parse", "HEAD", cwd=path), message, float(TASK_STARTED + seconds))

    def run(self, path: Path, seconds: int, *words: str) -> None:
        at = f"{TASK_STARTED + seconds} +0000"
        environment = {**os.environ, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        subprocess.run(["git", *words], cwd=path, env=environment, check=True, capture_output=True)


def build(root: Path) -> Work:
    """Commits: start (older than the task), fix (touches src/a.py), head; what a rebase took away; one of elsewhere;
    in worktrees of their own a merge of main, and a head that tells CI to skip it."""
    repo = GitRepo(root).create()
    path, merging, skipping = repo.add_spares(3)
    author = _Author(repo)
    repo.git("checkout", "-q", "-b", "feat/x", cwd=path)
    author.commit(path, "start", "Start", -100, b="b\n")
    author.commit(path, "rebased_change", "Fix it, first try", 110, a="fixed\n")
    repo.git("reset", "-q", "--hard", "HEAD^", cwd=path)
    author.commit(path, "rebased_message", "Fix the parser", 120, a="fixed, otherwise\n")
    repo.git("reset", "-q", "--hard", "HEAD^", cwd=path)
    author.commit(path, "elsewhere", "Something else", 130, c="c\n")
    repo.git("branch", "-q", "elsewhere", cwd=path)
    repo.git("reset", "-q", "--hard", "HEAD^", cwd=path)
    author.commit(path, "fix", "Fix the parser", 150, a="fixed\n")
    author.commit(path, "head", "Finish", 180, d="d\n")
    author.commit(repo.path, "main", "Go on elsewhere", 185, m="m\n")
    repo.git("push", "-q", "origin", "HEAD:main")
    repo.git("checkout", "-q", "-b", "feat/merge", "feat/x", cwd=merging)
    author.run(merging, 190, "merge", "-q", "--no-edit", "main")
    author.note(merging, "merge", "Merge branch 'main' into feat/merge", 190)
    repo.git("checkout", "-q", "-b", "feat/skipping", "feat/x", cwd=skipping)
    author.commit(skipping, "skipping", "Touch up [skip ci]", 190, e="e\n")
    for place in (path, merging, skipping):
        repo.git("push", "-q", "-u", "origin", "HEAD", cwd=place)
    return Work(repo, path, author.commits, {"merge": merging, "skipping": skipping})


def prepare(home: Path, work: Work, situation: Mapping[str, Any], socket: Path) -> dict[str, str]:
    """State, settings and a logged-in gh whose GitHub is the server on ``socket``; what the environment needs."""
    at = situation.get("worktree_at")
    path = work.others[at] if at else work.path
    agent = {
        "window": WINDOW, "worktree": path.name, "worktree_path": str(path), "spare_branch": "spare/1",
        "branch": f"feat/{at or 'x'}", "objective": "Add the parser.", "steps": [], "checkpoints": [],
        "pr_number": "12", "spawned_at": TASK_STARTED, "task_started_at": TASK_STARTED, "state": "complete",
    } | situation.get("agent", {})  # fmt: skip
    top = {"repo": "acme/widget"} | situation.get("top", {})
    (home / "state.json").write_text(json.dumps({**top, "agents": [agent]}))
    fleet_home, gh = home / "fleet", home / "gh"
    fleet_home.mkdir(exist_ok=True)
    settings = {"github_timeout_seconds": 10, "notify_desktop": False} | situation.get("config", {})
    (fleet_home / "config.toml").write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items()))
    gh.mkdir(exist_ok=True)
    (gh / "config.yml").write_text(f"http_unix_socket: {socket}\n")
    if situation.get("settled_before"):
        settle(fleet_home, situation)
    return {"GH_CONFIG_DIR": str(gh), "GH_TOKEN": "x"}


def settle(fleet_home: Path, situation: Mapping[str, Any]) -> None:
    """All threads there are were resolved before the task began."""
    count = situation.get("many_threads", {}).get("count", 0) + len(situation.get("threads", []))
    file = SettledThreads(fleet_home / "threads")._file(KEY, TASK_STARTED)
    file.parent.mkdir()
    file.write_text(json.dumps([f"T{n}" for n in range(count)]))
