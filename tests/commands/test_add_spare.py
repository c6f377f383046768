"""``add-spare``: worktrees that ``find-spare`` lists, called as those that are there; as many as asked for, or none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.planning.spare_names import NamePattern, naming, new_spares
from fleetscripts.models import WorktreeFacts
from tests.conftest import RunScript
from tests.places import BUNDLE, GitRepo, environment

MAIN = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py")]


def offered(run_script: RunScript, repo: Path) -> list[str]:
    return run_script("find-spare", repo).stdout.splitlines()


def test_the_first_ones_lie_beside_the_repository_at_its_default_branch_as_it_is_now(
    git_repo: GitRepo, run_script: RunScript
) -> None:
    other = git_repo.root / "other"
    git_repo.git("clone", "-q", str(git_repo.origin), str(other), cwd=git_repo.root)
    newest = git_repo.commit("Newer", cwd=other)
    git_repo.git("push", "-q", cwd=other)
    git_repo.git("checkout", "-q", "-b", "somebody-elses-work")
    git_repo.commit("Not for the spares")
    done = run_script("add-spare", "2", "--repo", git_repo.path)
    expected = [f"{git_repo.root}/repo-{number} spare/{number}" for number in (1, 2)]
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr
    assert f"they are at {newest[:12]}, origin/main, fetched now" in done.stderr
    assert offered(run_script, git_repo.path) == expected
    heads = {git_repo.git("rev-parse", "HEAD", cwd=git_repo.root / f"repo-{number}") for number in (1, 2)}
    assert heads == {newest}


def test_a_remote_whose_head_leads_nowhere_is_told_and_what_was_fetched_of_it_counts(
    git_repo: GitRepo, run_script: RunScript
) -> None:
    git_repo.git("symbolic-ref", "HEAD", "refs/heads/never-pushed", cwd=git_repo.origin)
    git_repo.git("remote", "set-head", "origin", "main")
    fetched = git_repo.git("rev-parse", "origin/main")
    git_repo.git("checkout", "-q", "-b", "somebody-elses-work")
    git_repo.commit("Not for the spares")
    done = run_script("add-spare", "1", "--repo", git_repo.path)
    assert done.returncode == 0, done.stderr
    said = "origin's default branch as last fetched (its HEAD, asked now, names no branch)"
    assert f"they are at {fetched[:12]}, {said}" in done.stderr


def test_the_next_ones_follow_the_names_that_are_there(git_repo: GitRepo, home: Path, run_script: RunScript) -> None:
    first, second, third = git_repo.add_spares(3)
    git_repo.git("checkout", "-q", "-b", "feat/a", cwd=first)
    agent = {"window": "fleet:1", "worktree_path": str(first), "spare_branch": "spare/1"}
    (home / "state.json").write_text(json.dumps({"agents": [agent]}))
    git_repo.git("branch", "spare/4")
    (git_repo.root / "spare-5").mkdir()
    (git_repo.root / "spare-6").symlink_to("nowhere")
    made = json.loads(run_script("add-spare", "--repo", second, "--json").stdout)
    head = git_repo.git("rev-parse", "origin/main")
    assert made == [{"path": f"{git_repo.root}/spare-7", "branch": "spare/7", "commit": head}]
    third.rename(git_repo.root / "away")
    more = json.loads(run_script("add-spare", "--repo", git_repo.path, "--json").stdout)
    assert [one["branch"] for one in more] == ["spare/8"], "the number of one that is gone is not given again"


def test_in_a_bare_repository_and_without_a_remote(git_repo: GitRepo, run_script: RunScript) -> None:
    done = run_script("add-spare", cwd=git_repo.origin)
    assert (done.returncode, done.stdout) == (0, f"{git_repo.root}/origin-1 spare/1\n"), done.stderr
    assert git_repo.git("log", "-1", "--format=%s", cwd=git_repo.root / "origin-1") == "Begin"


def test_in_a_fork_they_stand_where_pull_requests_are_made_to(git_repo: GitRepo, run_script: RunScript) -> None:
    target = git_repo.root / "target.git"
    git_repo.git("clone", "-q", "--bare", str(git_repo.origin), str(target), cwd=git_repo.root)
    git_repo.git("remote", "add", "upstream", str(target))
    meant = git_repo.commit("Only the target has this")
    git_repo.git("push", "-q", "upstream", "main")
    git_repo.git("reset", "-q", "--hard", "HEAD~1")
    git_repo.git("update-ref", "-d", "refs/remotes/upstream/main")
    assert json.loads(run_script("add-spare", "--repo", git_repo.path, "--json").stdout)[0]["commit"] == meant


def test_a_remote_that_does_not_answer_is_told_and_what_was_fetched_last_counts(
    git_repo: GitRepo, run_script: RunScript
) -> None:
    git_repo.origin.rename(git_repo.root / "away")
    done = run_script("add-spare", "--repo", git_repo.path)
    assert (done.returncode, "as last fetched" in done.stderr) == (0, True), done.stderr


def nothing_was_made(git_repo: GitRepo) -> bool:
    listed = git_repo.git("worktree", "list", "--porcelain").count("worktree ")
    branches = git_repo.git("for-each-ref", "--format=%(refname)", "refs/heads/spare/")
    return (listed, branches, [*git_repo.root.glob("repo-*")]) == (1, "", [])


def test_when_one_cannot_be_made_none_stays(git_repo: GitRepo, run_script: RunScript) -> None:
    """A filter that fails at the third checkout stands for a disk that is full by then."""
    count = git_repo.root / "count"
    filtered = f"sh -c 'echo x >> {count}; cat; test $(wc -l < {count}) -lt 3'"
    git_repo.git("config", "filter.store.smudge", filtered)
    git_repo.git("config", "filter.store.required", "true")
    (git_repo.path / ".gitattributes").write_text("README.md filter=store\n")
    git_repo.git("config", "filter.store.clean", "cat")
    git_repo.commit("Filtered")
    git_repo.git("push", "-q", "origin", "main")
    done = run_script("add-spare", "4", "--repo", git_repo.path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert nothing_was_made(git_repo), done.stderr
    count.unlink()
    assert run_script("add-spare", "2", "--repo", git_repo.path).returncode == 0


def test_one_that_is_told_to_end_leaves_nothing(git_repo: GitRepo) -> None:
    """Ended in the midst of a checkout, which waits in a filter until it is."""
    begun, goes_on = git_repo.root / "begun", git_repo.root / "goes-on"
    os.mkfifo(begun)
    os.mkfifo(goes_on)
    git_repo.git("config", "filter.store.smudge", f"sh -c 'echo > {begun}; read x < {goes_on}; cat'")
    git_repo.git("config", "filter.store.clean", "cat")
    (git_repo.path / ".gitattributes").write_text("README.md filter=store\n")
    git_repo.commit("Filtered")
    git_repo.git("push", "-q", "origin", "main")
    call = [*MAIN, "add-spare", "--repo", str(git_repo.path)]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment({}))
    begun.read_text()
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert nothing_was_made(git_repo), err


def test_ten_callers_at_once_get_ten_different_ones(git_repo: GitRepo, run_script: RunScript) -> None:
    call = [*MAIN, "add-spare", "--repo", str(git_repo.path)]
    callers = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment({})) for _ in range(10)]
    lines = [caller.communicate(timeout=60)[0] for caller in callers]
    assert sorted(line.split()[-1] for line in lines) == sorted(f"spare/{number}" for number in range(1, 11))
    assert len(offered(run_script, git_repo.path)) == 10


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("0",), 2, "N: expected a whole number from 1 to 50, found '0'"),
        (("51",), 2, "expected a whole number from 1 to 50, found '51'"),
        (("-1",), 2, "no option '-1'"),
        (("three",), 2, "expected a whole number from 1 to 50, found 'three'"),
        (("--repo", "/not/there"), 1, "no such folder"),
        (("--repo", "/"), 1, "not a git repository"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    words: tuple[str, ...], code: int, why: str, git_repo: GitRepo, run_script: RunScript
) -> None:
    done = run_script("add-spare", *words, cwd=git_repo.path)
    assert (done.returncode, done.stderr.count("\n"), why in done.stderr) == (code, 1, True), done.stderr
    assert nothing_was_made(git_repo)


def test_a_branch_in_the_way_and_a_repository_without_a_commit(git_repo: GitRepo, run_script: RunScript) -> None:
    git_repo.git("branch", "spare")
    done = run_script("add-spare", cwd=git_repo.path)
    assert (done.returncode, "the branch spare is in the way" in done.stderr) == (3, True), done.stderr
    empty = git_repo.root / "empty"
    git_repo.git("init", "-q", str(empty), cwd=git_repo.root)
    done = run_script("add-spare", cwd=empty)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "no commit yet" in done.stderr


def facts(path: str, branch: str | None = None, bare: bool = False) -> WorktreeFacts:
    return WorktreeFacts(path, branch, "c", bare)


@pytest.mark.parametrize(
    ("found", "agents", "expected"),
    [
        ([facts("/p/x", "main")], (), "/p/x-3"),
        ([facts("/p/x.git", bare=True)], (), "/p/x-3"),
        ([facts("/p/.bare", bare=True)], (), "/p/bare-3"),
        ([facts("/p/x", "main"), facts("/w/t7", "spare/7")], (), "/w/t3"),
        ([facts("/p/x", "main"), facts("/w/t007", "spare/7")], (), "/w/t003"),
        ([facts("/p/x", "main"), facts("/w/issue-12", "fix/12")], (), "/p/x-3"),
        ([facts("/p/x", "main"), facts("/w/t12", "feat/a")], ("/w/t12",), "/w/t3"),
        ([facts("/p/x", "main"), facts("/w/t", "spare/1")], (), "/p/x-3"),
        ([facts("/p/x", "main"), facts("/w/a1", "spare/1"), facts("/w/b2", "spare/2"), facts("/w/b3", "spare/3")], (),
         "/w/b3"),
        ([facts("/p/x", "main"), facts("/w/9", "spare/9")], (), "/w/3"),
    ],
)  # fmt: skip
def test_names_follow_those_that_are_there(found: list[WorktreeFacts], agents: tuple[str, ...], expected: str) -> None:
    assert naming(found, agents).path(3) == expected


@given(st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)), st.integers(1, 12))
def test_each_number_is_the_lowest_that_neither_a_folder_nor_a_branch_has(
    folders: set[int], branches: set[int], count: int
) -> None:
    named = NamePattern("/p", "x-")
    taken = {named.path(number) for number in folders} | {f"spare/{number}" for number in branches}
    made = new_spares(named, lambda new: not {new.path, new.branch} & taken)
    numbers = [int(next(made).branch.removeprefix("spare/")) for _ in range(count)]
    assert numbers == [number for number in range(1, 100) if number not in folders | branches][:count]
