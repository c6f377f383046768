"""overlaps: branches of live agents against the merges that git really makes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.commands import heartbeat, overlaps, wait_event
from fleetscripts.services.context import load_fleet
from fleetscripts.services.reports.news_watch import NewsWatch
from tests.places import GitRepo, TmuxServer

Edit = Callable[[Path], None]

LINES = [f"line {number}" for number in range(1, 41)]


class Branches:
    """Branches of agents in one repository; a branch needs no worktree of its own to be compared."""

    def __init__(self, repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.repo, self.home, self.capsys = repo, home, capsys
        for name in ("a.txt", "b.txt", "docs/c.txt", "docs/d.txt", "old/e.txt"):
            (repo.path / name).parent.mkdir(exist_ok=True)
            (repo.path / name).write_text("\n".join(LINES) + "\n")
        (repo.path / "image").write_bytes(bytes(range(256)))
        repo.commit("Files")
        repo.git("push", "-q", "origin", "HEAD:main")
        self.names: list[str] = []

    def add(self, name: str, edit: Edit, start: str = "main") -> str:
        self.repo.git("checkout", "-q", "-b", name, start)
        edit(self.repo.path)
        commit = self.repo.commit(name)
        self.repo.git("checkout", "-q", "main")
        self.names.append(name)
        return commit

    def record(self, **fields: Any) -> None:
        agents = [
            {"window": f"fleet:{n}", "id": f"id{n}", "worktree": f"w{n}", "worktree_path": str(self.repo.path)}
            | {"branch": name, "spawned_at": n, "state": "running"} | fields
            for n, name in enumerate(self.names, 1)
        ]  # fmt: skip
        (self.home / "state.json").write_text(json.dumps({"agents": agents}))

    def told(self) -> dict[frozenset[str], dict[str, Any]]:
        self.capsys.readouterr()
        assert overlaps.main(["--json"]) == 0
        found = json.loads(self.capsys.readouterr().out)
        return {frozenset(pair["branches"]): pair for pair in found["pairs"]}

    def really_conflicts(self, one: str, other: str) -> bool:
        """Whether ``git merge`` of the one into the other stops."""
        place = self.home / "merging"
        if not place.exists():
            self.repo.git("worktree", "add", "-q", "--detach", str(place), "main")
        self.repo.git("checkout", "-q", "--detach", one, cwd=place)
        done = subprocess.run(["git", "merge", "-q", "--no-edit", other], cwd=place, check=False, capture_output=True)
        self.repo.git("reset", "-q", "--hard", cwd=place)
        self.repo.git("clean", "-qfdx", cwd=place)
        return done.returncode != 0


@pytest.fixture
def branches(git_repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]) -> Branches:
    return Branches(git_repo, home, capsys)


def line(path: str, number: int, text: str) -> Edit:
    """One line of a file changed."""

    def edit(folder: Path) -> None:
        lines = (folder / path).read_text().split("\n")
        lines[number - 1] = text
        (folder / path).write_text("\n".join(lines))

    return edit


def moved(path: str, to: str) -> Edit:
    def edit(folder: Path) -> None:
        (folder / to).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).rename(folder / to)

    return edit


def written(path: str, content: bytes) -> Edit:
    def edit(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    return edit


def removed(path: str) -> Edit:
    return lambda folder: (folder / path).unlink()


EDITS: dict[str, Edit] = {
    "line": line("a.txt", 12, "one"),
    "the-same-line": line("a.txt", 12, "two"),
    "a-line-far-away": line("a.txt", 30, "three"),
    "another-file": line("b.txt", 3, "four"),
    "a-file-moved": moved("a.txt", "moved.txt"),
    "moved-elsewhere": moved("a.txt", "other.txt"),
    "a-file-removed": removed("a.txt"),
    "a-folder-moved": moved("old", "new"),
    "a-file-into-that-folder": written("old/f.txt", b"new\n"),
    "a-file-as-a-folder": written("thing/inside", b"x\n"),
    "a-folder-as-a-file": written("thing", b"x\n"),
    "a-picture": written("image", b"\0one"),
    "another-picture": written("image", b"\0two"),
    "an-odd-name": written('od"d\nna:1', b"x\n"),
    "the-odd-name-again": written('od"d\nna:1', b"y\n"),
}


def test_each_pair_is_judged_as_git_merges_it(branches: Branches) -> None:
    """105 pairs of histories with every kind of conflict: every real conflict is found, and no other."""
    for name, edit in EDITS.items():
        branches.add(name, edit)
    branches.record()
    found = branches.told()
    real = {frozenset(pair) for pair in combinations(EDITS, 2) if branches.really_conflicts(*pair)}
    said = {pair for pair, about in found.items() if about["conflicts"]}
    assert len(real) >= 11
    assert said == real
    about = found[frozenset({"line", "the-same-line"})]
    assert (about["files"], about["places"]) == (["a.txt"], ["a.txt:12"])
    assert found[frozenset({"line", "a-line-far-away"})]["conflicts"] is False
    assert found[frozenset({"a-picture", "another-picture"})]["places"] == ["image"]
    assert frozenset({"line", "another-file"}) not in found


def test_a_base_that_went_on_between_two_branches_counts(branches: Branches) -> None:
    branches.add("early", line("a.txt", 12, "early"))
    line("a.txt", 12, "main's")(branches.repo.path)
    branches.repo.commit("Main goes on")
    branches.repo.git("push", "-q", "origin", "HEAD:main")
    branches.add("late", line("b.txt", 1, "late"))
    branches.add("stacked", line("a.txt", 13, "stacked"), start="early")
    branches.record()
    found = branches.told()
    for pair in combinations(branches.names, 2):
        about = found.get(frozenset(pair))
        assert (about is not None and about["conflicts"]) == branches.really_conflicts(*pair), pair


def test_no_program_that_the_repository_names_is_run_and_nothing_is_written_there(
    branches: Branches, tmp_path: Path
) -> None:
    branches.add("one", line("a.txt", 12, "one"))
    branches.add("two", line("a.txt", 12, "two"))
    repo = branches.repo
    repo.git("config", "merge.evil.driver", f"touch {tmp_path}/ran; exit 0")
    (repo.path / ".git" / "info" / "attributes").write_text("* merge=evil\n")
    branches.record()
    before = sorted((repo.path / ".git").rglob("*"))
    assert branches.told()[frozenset({"one", "two"})]["conflicts"] is True
    assert not (tmp_path / "ran").exists()
    assert sorted((repo.path / ".git").rglob("*")) == before


def test_only_live_agents_are_compared_and_the_matrix_names_them(branches: Branches) -> None:
    branches.add("one", line("a.txt", 12, "one"))
    branches.add("two", line("a.txt", 12, "two"))
    branches.add("three", line("a.txt", 30, "three"))
    branches.record()
    assert overlaps.main([]) == 0
    rows = branches.capsys.readouterr().out.splitlines()
    assert [row.split() for row in rows[1:4]] == [
        ["1", "w1", "-", "x", "1"], ["2", "w2", "x", "-", "1"], ["3", "w3", "1", "1", "-"],
    ]  # fmt: skip
    assert "w1 one + w2 two: conflict in a.txt:12" in rows
    branches.record(id="")
    assert branches.told()[frozenset({"one", "two"})]["worktrees"] == ["w1", "w2"]
    branches.record(state="recycled")
    assert branches.told() == {}


def test_a_heartbeat_tells_of_a_conflict_once_at_the_agent_that_can_still_turn(
    branches: Branches, tmux_server: TmuxServer
) -> None:
    tmux_server.new_session("fleet", ["sleep", "900"])
    branches.add("feat/one", line("a.txt", 12, "one"))
    branches.add("feat/two", line("a.txt", 12, "two"))
    branches.record()
    state = branches.home / "state.json"
    members = json.loads(state.read_text())
    members["active"] = False
    members["agents"][1]["state"] = "pending_evaluation"
    state.write_text(json.dumps(members))
    assert [item["window"] for item in overlaps_told(branches)] == ["fleet:1"]
    assert overlaps_told(branches) == []
    branches.repo.git("branch", "-f", "feat/two", "main")
    assert overlaps_told(branches) == []
    branches.repo.git("checkout", "-q", "feat/two")
    line("a.txt", 12, "two")(branches.repo.path)
    line("b.txt", 3, "two")(branches.repo.path)
    branches.repo.commit("Both")
    branches.repo.git("checkout", "-q", "feat/one")
    assert overlaps_told(branches) == []
    line("b.txt", 3, "one")(branches.repo.path)
    branches.repo.commit("And the other file")
    (item,) = overlaps_told(branches)
    assert item["what"] == "its branch conflicts with feat/two (w2) in a.txt:12, b.txt:3"
    assert item["next"][0].endswith("overlaps")


def overlaps_told(branches: Branches) -> list[dict[str, Any]]:
    branches.capsys.readouterr()
    assert heartbeat.main(["--json"]) == 0
    found = json.loads(branches.capsys.readouterr().out)
    return [item for item in found["decisions"] if item["kind"] == "overlap"]


def test_wait_event_tells_of_a_conflict_once_and_compares_nothing_while_no_turn_has_ended(
    branches: Branches, tmux_server: TmuxServer
) -> None:
    tmux_server.new_session("fleet", ["sleep", "900"])
    first = branches.add("feat/one", line("a.txt", 12, "one"))
    second = branches.add("feat/two", line("a.txt", 12, "two"))
    branches.record()
    at_rest(branches, first, second)
    assert wait_event.main(["--timeout", "0", "--json"]) == 0
    (row,) = json.loads(branches.capsys.readouterr().out)
    assert (row["action"], row["kind"], row["window"]) == ("overlap", "decision", "fleet:2")
    assert row["reason"] == "its branch conflicts with feat/one (w1) in a.txt:12"
    assert wait_event.main(["--timeout", "0"]) == 8
    memory = next((branches.home / "fleet" / "overlaps").glob("*.json"))
    compared = memory.stat().st_mtime_ns
    watch = NewsWatch(load_fleet(os.environ)[0])
    assert watch.found() is False
    assert memory.stat().st_mtime_ns != compared
    compared = memory.stat().st_mtime_ns
    assert (watch.found(), memory.stat().st_mtime_ns) == (False, compared)
    at_rest(branches, first, "0" * 40, pane_state="running")
    assert (watch.found(), memory.stat().st_mtime_ns) == (False, compared)
    at_rest(branches, first, "0" * 40)
    watch.found()
    assert memory.stat().st_mtime_ns != compared


def at_rest(branches: Branches, *commits: str, pane_state: str = "prompt") -> None:
    """The agents' turns have ended at these commits, in the order of the agents."""
    state = branches.home / "state.json"
    members = json.loads(state.read_text())
    for agent, commit in zip(members["agents"], commits, strict=True):
        agent["seen"] = {"commit": commit, "pane_state": pane_state}
    state.write_text(json.dumps(members))


@pytest.mark.stress
def test_two_hundred_branches_are_compared_in_seconds_and_again_at_once(branches: Branches) -> None:
    chosen = random.Random(7)
    for number in range(200):
        name = chosen.choice(["a.txt", "b.txt", "docs/c.txt", "docs/d.txt", "old/e.txt"])
        branches.add(f"feat/{number}", line(name, chosen.randint(1, 40), f"by {number}"))
    branches.record()
    began = time.monotonic()
    left, calls = 1, 0
    while left:
        assert overlaps.main(["--json"]) == 0
        left, calls = json.loads(branches.capsys.readouterr().out)["left"], calls + 1
    first = time.monotonic() - began
    began = time.monotonic()
    branches.told()
    again = time.monotonic() - began
    print(f"200 branches: {first:.1f} s in {calls} calls, again {again:.1f} s")
    assert (first < 120, again < 10) == (True, True), (first, again)
