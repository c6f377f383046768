"""A GitHub with several pull requests of one repository, and agents whose work they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fake_github.server import TASK_STARTED, World, serve
from tests.places import GitRepo


class SeveralPulls(World):
    """Pull requests by number, each with a situation of its own; requests are counted together."""

    def __init__(self, situations: Mapping[int, Mapping[str, Any]], commits: Mapping[str, Any]) -> None:
        super().__init__({}, commits)
        self.worlds = {number: World(situation, commits) for number, situation in situations.items()}

    def _pull_request(self, number: int) -> dict[str, Any] | None:
        world = self.worlds.get(number)
        answer = world._pull_request(12) if world is not None else None
        return None if answer is None else {**answer, "number": number}


@dataclass(frozen=True)
class Work:
    """Agents with one worktree each, their branches pushed; ``commits`` by branch."""

    repo: GitRepo
    home: Path
    socket: Path
    agents: list[dict[str, Any]]
    commits: dict[str, tuple[str, str, float]]

    def record(self, top: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Write the state file; ``fields`` go into every agent's record."""
        agents = [agent | fields for agent in self.agents]
        (self.home / "state.json").write_text(json.dumps({"repo": "acme/widget", **(top or {}), "agents": agents}))

    def agent(self, number: int = 0) -> dict[str, Any]:
        """An agent's record as it stands in the state file."""
        agents: list[dict[str, Any]] = json.loads((self.home / "state.json").read_text())["agents"]
        return agents[number]

    @property
    def environment(self) -> dict[str, str | None]:
        """A logged-in gh whose GitHub is ours."""
        gh = self.home / "gh"
        gh.mkdir(exist_ok=True)
        (gh / "config.yml").write_text(f"http_unix_socket: {self.socket}\n")
        return {"GH_CONFIG_DIR": str(gh), "GH_TOKEN": "x"}

    @contextmanager
    def serve(self, situations: Mapping[int, Mapping[str, Any]]) -> Iterator[SeveralPulls]:
        """GitHub, with a situation for each pull request's number."""
        branches = {int(agent["pr_number"]): agent["branch"] for agent in self.agents}
        filled = {
            number: {
                **situation,
                "pull": {
                    "head": branches[number], "branch": branches[number], "commits": [branches[number]],
                    **situation.get("pull", {}),
                },
            }
            for number, situation in situations.items()
        }  # fmt: skip
        world = SeveralPulls(filled, self.commits)
        with serve(world, self.socket):
            yield world


@dataclass(frozen=True)
class Branches:
    """A repository whose worktrees stand on pushed branches; the agents at work there, and the branches' commits."""

    repo: GitRepo
    agents: list[dict[str, Any]]
    commits: dict[str, tuple[str, str, float]]

    def work(self, home: Path, socket: Path) -> Work:
        """The agents on record in this home."""
        made = Work(self.repo, home, socket, self.agents, self.commits)
        made.record()
        return made


def branches(root: Path, count: int) -> Branches:
    """``count`` agents in windows fleet:1, fleet:2, … on branches feat/1, … with pull requests 11, 12, …

    For a whole module, before any test has its home: the names that git wants come from the environment."""
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    with pytest.MonkeyPatch.context() as changed:
        for name in names:
            changed.setenv(name, "tester@localhost")
        return _made(GitRepo(root).create(), count)


def _made(repo: GitRepo, count: int) -> Branches:
    agents, commits = [], {}
    for number, path in enumerate(repo.add_spares(count), 1):
        branch = f"feat/{number}"
        repo.git("checkout", "-q", "-b", branch, cwd=path)
        (path / f"work{number}.txt").write_text("done\n")
        commits[branch] = (repo.commit(f"Work {number}", cwd=path), f"Work {number}", float(TASK_STARTED + 180))
        repo.git("push", "-q", "-u", "origin", branch, cwd=path)
        agents.append({
            "window": f"fleet:{number}", "worktree": path.name, "worktree_path": str(path),
            "spare_branch": f"spare/{number}", "branch": branch, "objective": f"Write work{number}.txt", "steps": [],
            "checkpoints": [], "pr_number": str(10 + number), "spawned_at": TASK_STARTED,
            "task_started_at": TASK_STARTED, "state": "complete",
        })  # fmt: skip
    return Branches(repo, agents, commits)
