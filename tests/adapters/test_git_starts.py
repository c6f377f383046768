"""Where an agent's branch starts, whatever stands in the way of its fetch or its checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscripts.config import Settings, load_settings
from fleetscripts.errors import FleetError
from fleetscripts.services.worktrees.branching import NotCheckedOut, check_out, put_back
from fleetscripts.services.worktrees.start_points import start_point
from tests.places import GitRepo


@pytest.fixture
def settings() -> Settings:
    return load_settings(os.environ, {})


@pytest.fixture
def spare(git_repo: GitRepo) -> Path:
    (path,) = git_repo.add_spares(1)
    return path


def elsewhere(repo: GitRepo, branch: str) -> str:
    """Somebody else's commit on a branch of the remote, unseen here."""
    other = repo.root / "other"
    if not other.exists():
        repo.git("clone", "-q", str(repo.origin), str(other), cwd=repo.root)
    repo.git("checkout", "-q", "-B", "made", cwd=other)
    commit = repo.commit(f"for {branch}", cwd=other)
    repo.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}", cwd=other)
    return commit


def test_a_branch_behind_its_remote_is_brought_forward_and_that_is_said(
    git_repo: GitRepo, spare: Path, settings: Settings
) -> None:
    git_repo.git("branch", "feat/x")
    there = elsewhere(git_repo, "feat/x")
    start = start_point(spare, "feat/x", "", settings)
    assert (start.commit, start.existing) == (there, True)
    assert f"feat/x was behind origin/feat/x: it was brought forward to {there[:12]}" in start.note
    check_out(spare, "feat/x", start)
    assert git_repo.git("rev-parse", "HEAD", cwd=spare) == there


def test_a_branch_that_went_apart_from_its_remote_is_left_and_that_is_said(
    git_repo: GitRepo, spare: Path, settings: Settings
) -> None:
    git_repo.git("checkout", "-q", "-b", "feat/x")
    here = git_repo.commit("here")
    git_repo.git("checkout", "-q", "main")
    elsewhere(git_repo, "feat/x")
    start = start_point(spare, "feat/x", "", settings)
    assert start.commit == here
    assert "have gone apart" in start.note


@pytest.mark.parametrize(("stale", "wanted"), [("feat", "feat/x"), ("feat/x/deep", "feat/x"), ("a", "a/b/c")])
def test_stale_tracking_refs_do_not_block_the_fetch(
    git_repo: GitRepo, spare: Path, settings: Settings, stale: str, wanted: str
) -> None:
    git_repo.git("update-ref", f"refs/remotes/origin/{stale}", "HEAD")
    there = elsewhere(git_repo, wanted)
    assert start_point(spare, wanted, "", settings).commit == there


def test_a_tag_with_the_branchs_name_is_not_taken_for_it(git_repo: GitRepo, spare: Path, settings: Settings) -> None:
    git_repo.git("tag", "feat/x", "HEAD")
    git_repo.git("tag", "origin/feat/x", "HEAD")
    there = elsewhere(git_repo, "feat/x")
    start = start_point(spare, "feat/x", "", settings)
    check_out(spare, "feat/x", start)
    assert git_repo.git("rev-parse", "HEAD", cwd=spare) == there
    assert git_repo.git("symbolic-ref", "HEAD", cwd=spare) == "refs/heads/feat/x"


def test_remotes_that_nobody_can_choose_from_need_a_base_and_take_one(
    git_repo: GitRepo, spare: Path, settings: Settings
) -> None:
    git_repo.git("remote", "rename", "origin", "alice")
    git_repo.git("config", "--unset", "branch.main.remote")
    git_repo.git("remote", "add", "bob", str(git_repo.origin))
    with pytest.raises(FleetError, match=r"none of the remotes alice, bob .*: give --base"):
        start_point(spare, "feat/x", "", settings)
    there = elsewhere(git_repo, "main")
    assert start_point(spare, "feat/x", "bob/main", settings).commit == there


def test_an_ignored_file_that_the_branch_has_too_is_kept_and_that_is_said(
    git_repo: GitRepo, spare: Path, settings: Settings
) -> None:
    (git_repo.path / ".env").write_text("OF=branch\n")
    git_repo.commit("an .env")
    git_repo.git("push", "-q", "origin", "HEAD:main")
    (git_repo.path / ".git" / "info" / "exclude").write_text(".env\n")
    (spare / ".env").write_text("MINE=1\n")
    start = start_point(spare, "feat/x", "", settings)
    said = check_out(spare, "feat/x", start)
    ref = git_repo.git("for-each-ref", "--format=%(refname)", "refs/fleet/rescue")
    assert said == f".env of the worktree, which feat/x has too, is kept under {ref}"
    assert git_repo.git("cat-file", "blob", f"{ref}:.env") == "MINE=1"
    assert (spare / ".env").read_text() == "OF=branch\n"


def test_a_worktree_that_cannot_be_changed_now_says_that_another_may_do(
    git_repo: GitRepo, spare: Path, settings: Settings
) -> None:
    start = start_point(spare, "feat/x", "", settings)
    (Path(git_repo.git("rev-parse", "--absolute-git-dir", cwd=spare)) / "index.lock").touch()
    with pytest.raises(NotCheckedOut, match=r"index\.lock stands"):
        check_out(spare, "feat/x", start)


def test_an_undone_branch_leaves_no_trace_in_the_settings(git_repo: GitRepo, spare: Path, settings: Settings) -> None:
    elsewhere(git_repo, "feat/x")
    start = start_point(spare, "feat/x", "", settings)
    check_out(spare, "feat/x", start)
    assert put_back(spare, "spare/1", "feat/x", start) == ""
    assert git_repo.git("symbolic-ref", "HEAD", cwd=spare) == "refs/heads/spare/1"
    assert "feat/x" not in git_repo.git("config", "--list")


@pytest.mark.parametrize("how", [("--bare",), ("--depth=1",), ("--single-branch",), ("--mirror",), ("-o", "company")])
def test_a_branch_that_only_the_remote_has_is_found_in_every_clone(
    git_repo: GitRepo, settings: Settings, tmp_path: Path, how: tuple[str, ...]
) -> None:
    repo, spare = tmp_path / "clone", tmp_path / "spare"
    git_repo.git("clone", "-q", *how, f"file://{git_repo.origin}", str(repo), cwd=tmp_path)
    git_repo.git("worktree", "add", "-q", "-b", "spare/1", str(spare), "main", cwd=repo)
    there = elsewhere(git_repo, "feat/there")
    start = start_point(spare, "feat/there", "", settings)
    check_out(spare, "feat/there", start)
    assert git_repo.git("rev-parse", "HEAD", cwd=spare) == there
    assert git_repo.git("config", "branch.feat/there.merge", cwd=spare) == "refs/heads/feat/there"


@pytest.mark.parametrize(("here", "wanted"), [("feat", "feat/x"), ("feat/x/deep", "feat/x")])
def test_a_branch_whose_name_another_has_as_a_folder_is_refused_before_a_spare_is_touched(
    git_repo: GitRepo, spare: Path, settings: Settings, here: str, wanted: str
) -> None:
    git_repo.git("branch", here)
    with pytest.raises(FleetError, match=f"{wanted} cannot be made beside the branch {here}"):
        start_point(spare, wanted, "", settings)
