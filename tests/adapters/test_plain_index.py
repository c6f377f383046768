"""Whether an index is plain is told from its bytes as git tells it, and never said of one that git reads otherwise."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.index_listing import Listing, listing
from fleetscripts.adapters.git.plain_index import is_plain_index
from tests.places import GitRepo

Change = Callable[[GitRepo], object]


@pytest.fixture
def repo(git_repo: GitRepo) -> GitRepo:
    for name in ("a", "folder/longer name", "x" * 63, "ä", "run"):
        file = git_repo.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
    (git_repo.path / "run").chmod(0o755)
    (git_repo.path / "link").symlink_to("a")
    git_repo.commit("Add files")
    return git_repo


def index(repo: GitRepo) -> Path:
    return repo.path / ".git/index"


def unmerged(repo: GitRepo) -> None:
    repo.git("branch", "other")
    for branch in ("other", "main"):
        repo.git("switch", "-q", branch)
        (repo.path / "a").write_text(branch)
        repo.commit(branch)
    subprocess.run(["git", "merge", "other"], cwd=repo.path, capture_output=True, check=False)


def with_a_long_name(repo: GitRepo) -> None:
    commit = repo.git("rev-parse", ":a")
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{commit},{'/'.join(['d' * 200] * 21)}")


PLAIN: dict[str, Change] = {
    "as committed": lambda repo: None,
    "with something staged": lambda repo: ((repo.path / "new").write_text("x"), repo.git("add", "new")),
    "with what git has worked out": lambda repo: repo.git("write-tree"),
    "with an untracked cache": lambda repo: repo.git("update-index", "--force-untracked-cache"),
    "without entries": lambda repo: repo.git("rm", "-rq", "--cached", "."),
}
OTHER: dict[str, Change] = {
    "assume-unchanged": lambda repo: repo.git("update-index", "--assume-unchanged", "a"),
    "skip-worktree": lambda repo: repo.git("update-index", "--skip-worktree", "a"),
    "intent to add": lambda repo: ((repo.path / "new").write_text("x"), repo.git("add", "-N", "new")),
    "a submodule": lambda repo: repo.git(
        "update-index", "--add", "--cacheinfo", f"160000,{repo.git('rev-parse', 'HEAD')},module"
    ),
    "version 4": lambda repo: repo.git("update-index", "--index-version", "4"),
    "split": lambda repo: repo.git("update-index", "--split-index"),
    "sparse": lambda repo: repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "other"),
    "watched by a monitor": lambda repo: repo.git("-c", "core.fsmonitor=true", "update-index", "--fsmonitor"),
    "unmerged": unmerged,
    "a name of 4095 bytes or more": with_a_long_name,
    "cut short": lambda repo: index(repo).write_bytes(index(repo).read_bytes()[:-1]),
    "longer than it says": lambda repo: index(repo).write_bytes(index(repo).read_bytes() + b"\0"),
    "none": lambda repo: index(repo).unlink(),
    "a folder": lambda repo: (index(repo).unlink(), index(repo).mkdir()),
}


@pytest.mark.parametrize("change", PLAIN.values(), ids=PLAIN.keys())
def test_plain_files_alone_are_seen_without_git(repo: GitRepo, change: Change) -> None:
    change(repo)
    assert is_plain_index(index(repo))
    assert listing(Git(repo.path)) == Listing()


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_whatever_else_it_holds_is_for_git_to_read(repo: GitRepo, change: Change) -> None:
    change(repo)
    assert not is_plain_index(index(repo))


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_changed_byte_hides_anything_from_it(repo: GitRepo, data: st.DataObject) -> None:
    """Of an index that is still plain after some bytes were changed, git lists nothing special, or reads nothing."""
    whole = index(repo).read_bytes()
    flags = [12 + 60, 12 + 61, 12 + 24, 12 + 26, 12 + 62]
    changed = bytearray(whole)
    for place in data.draw(st.lists(st.sampled_from(flags) | st.integers(0, len(whole) - 1), min_size=1, max_size=3)):
        changed[place] = data.draw(st.integers(0, 255))
    index(repo).write_bytes(changed)
    try:
        if is_plain_index(index(repo)):
            told = subprocess.run(
                ["git", "ls-files", "-v", "--stage", "-z"], cwd=repo.path, capture_output=True, check=False
            )
            rows = told.stdout.split(b"\0")[:-1]
            assert told.returncode or all(row.startswith((b"H 100", b"H 120")) for row in rows)
            assert told.returncode or len(rows) == struct.unpack_from(">I", changed, 8)[0]
    finally:
        index(repo).write_bytes(whole)


def test_an_index_of_longer_hashes_is_not_taken_for_one(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--object-format=sha256", str(tmp_path)], check=True)
    for number in range(3):
        (tmp_path / f"file-{number}").write_text("x")
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    assert not is_plain_index(tmp_path / ".git/index")
