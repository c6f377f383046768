"""find-spare and capacity, as they are called, on real repositories."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.planning.capacity import Claims, WorktreeUse, order, spare_number, standing, standing_inside
from fleetscripts.models import WorktreeContents, WorktreeFacts
from tests.conftest import RunScript
from tests.places import BUNDLE, GitRepo

Change = Callable[[GitRepo, Path, Path], object]


def test_a_name_that_no_folder_can_have_is_told_like_one_that_is_not_there(run_script: RunScript) -> None:
    for name in ("nowhere", "n" * 3000):
        done = run_script("find-spare", name)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert f"no such folder: {name!r}" in done.stderr


def reasons(run_script: RunScript, repo: Path) -> dict[str, str]:
    """Why each worktree is not free, by its folder's name."""
    done = run_script("capacity", repo, "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    return {entry["worktree"]: entry["reason"] for places in listed.values() for entry in places}


def write_state(home: Path, **agent: Any) -> None:
    (home / "state.json").write_text(json.dumps({"agents": [{"window": "fleet:3", **agent}]}))


def test_spares_are_listed_by_number_from_anywhere_in_the_repository(run_script: RunScript, git_repo: GitRepo) -> None:
    paths = git_repo.add_spares(11)
    expected = [f"{path} spare/{number}" for number, path in enumerate(paths, 1)]
    for repo in (git_repo.path, paths[4], git_repo.path / ".git"):
        done = run_script("find-spare", repo)
        assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, expected, "")
    (paths[0] / "deep").mkdir()
    assert run_script("find-spare", cwd=paths[0] / "deep").stdout.splitlines() == expected


def test_a_bare_repository_has_spares_too(run_script: RunScript, git_repo: GitRepo, tmp_path: Path) -> None:
    git_repo.git("worktree", "add", "-q", "-b", "spare/1", str(tmp_path / "w"), "main", cwd=git_repo.origin)
    assert run_script("find-spare", git_repo.origin).stdout == f"{tmp_path / 'w'} spare/1\n"
    assert reasons(run_script, git_repo.origin)["origin.git"] == "bare repository"


@pytest.mark.parametrize("name", ["with blanks", "a #{pid} $(touch x) 'q' \"d\"", "é✳ ", "-d", "no\u00a0break"])
def test_a_path_of_any_printable_kind_is_one_line(run_script: RunScript, git_repo: GitRepo, name: str) -> None:
    path = git_repo.root / name
    git_repo.git("worktree", "add", "-q", "-b", "spare/7", str(path), "main")
    (line,) = run_script("find-spare", git_repo.path).stdout.splitlines()
    assert line.rpartition(" ")[0] == str(path)


@pytest.mark.parametrize("name", ["two\nlines", "carriage\rreturn", "escape\x1b[2Jseq", "u\u2028line"])
def test_a_path_that_is_no_line_is_told_and_not_offered(run_script: RunScript, git_repo: GitRepo, name: str) -> None:
    git_repo.git("worktree", "add", "-q", "-b", "spare/7", str(git_repo.root / name), "main")
    done = run_script("find-spare", git_repo.path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "not offered" in done.stderr
    assert "\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) == 2
    git_repo.add_spares(1)
    assert run_script("find-spare", git_repo.path).returncode == 0


def dirty(repo: GitRepo, path: Path, home: Path) -> None:
    (path / "README.md").write_text("changed\n")


def untracked(repo: GitRepo, path: Path, home: Path) -> None:
    (path / "new file").write_text("")
    repo.git("config", "status.showUntrackedFiles", "no")


def staged(repo: GitRepo, path: Path, home: Path) -> None:
    (path / "staged").write_text("")
    repo.git("add", "staged", cwd=path)


def merging(repo: GitRepo, path: Path, home: Path) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("aside")
    repo.git("merge", "-q", "-s", "ours", "--no-commit", "--no-ff", "side", cwd=path)


def stopped_half_way(*words: str) -> Change:
    """Two sides that change the same line, and git in the midst of bringing them together."""

    def change(repo: GitRepo, path: Path, home: Path) -> None:
        repo.git("checkout", "-q", "-b", "side")
        (repo.path / "README.md").write_text("theirs\n")
        repo.commit("aside")
        (path / "README.md").write_text("ours\n")
        repo.commit("here", cwd=path)
        repo.git("branch", "kept", "HEAD", cwd=path)
        with pytest.raises(AssertionError):
            repo.git(*words, cwd=path)
        repo.git("read-tree", "HEAD", cwd=path)
        repo.git("checkout-index", "-q", "-f", "-a", cwd=path)

    return change


def bisecting(repo: GitRepo, path: Path, home: Path) -> None:
    repo.git("bisect", "start", "--no-checkout", "HEAD", cwd=path)


def unborn(repo: GitRepo, path: Path, home: Path) -> None:
    repo.git("symbolic-ref", "HEAD", "refs/heads/spare/9", cwd=path)


def intended(repo: GitRepo, path: Path, home: Path) -> None:
    (path / "new").write_text("")
    repo.git("add", "--intent-to-add", "new", cwd=path)


def link_for_a_file(repo: GitRepo, path: Path, home: Path) -> None:
    (path / "README.md").unlink()
    (path / "README.md").symlink_to("/etc/hostname")


def nested(repo: GitRepo, path: Path, home: Path) -> None:
    repo.git("init", "-q", "nested", cwd=path)


def repository_moved(repo: GitRepo, path: Path, home: Path) -> None:
    """As after moving the worktree by hand, before ``git worktree repair``."""
    path.rename(path.with_name("elsewhere"))


def recorded(repo: GitRepo, path: Path, home: Path) -> None:
    write_state(home, worktree_path=str(path), state="done")


def recorded_through_a_link(repo: GitRepo, path: Path, home: Path) -> None:
    (home / "link").symlink_to(path.parent)
    write_state(home, worktree_path=str(home / "link" / path.name))


def protect(home: Path, text: str) -> None:
    (home / "fleet").mkdir()
    (home / "fleet" / "config.toml").write_text(text)


def stable_copy(repo: GitRepo, path: Path, home: Path) -> None:
    (home / "fleet" / "bundle").mkdir(parents=True)
    (home / "fleet" / "bundle" / "origin").write_text(f"{path}/.claude/skills/orchestrate\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (dirty, "dirty: README.md"),
        (untracked, "dirty: new file"),
        (staged, "dirty: staged"),
        (merging, "a merge is under way"),
        (stopped_half_way("merge", "side"), "a merge is under way"),
        (stopped_half_way("cherry-pick", "side"), "a cherry-pick is under way"),
        (stopped_half_way("revert", "HEAD~1", "side"), "a revert is under way"),
        (stopped_half_way("rebase", "side"), "detached HEAD"),
        (bisecting, "a bisect is under way"),
        (unborn, "its branch has no commit yet"),
        (intended, "dirty: new"),
        (link_for_a_file, "dirty: README.md"),
        (lambda repo, path, home: (path / "README.md").chmod(0o755), "dirty: README.md"),
        (nested, "dirty: nested/"),
        (repository_moved, "prunable: gitdir file points to non-existent location"),
        (lambda repo, path, home: repo.commit("mine alone", cwd=path), "1 commit that no other ref holds"),
        (lambda repo, path, home: repo.git("checkout", "-q", "--detach", cwd=path), "detached HEAD"),
        (lambda repo, path, home: repo.git("checkout", "-q", "-b", "feat/x", cwd=path), "on branch feat/x, which"),
        (lambda repo, path, home: repo.git("checkout", "-q", "-b", "spare/1x", cwd=path), "on branch spare/1x, which"),
        (lambda repo, path, home: repo.git("worktree", "lock", "--reason", "stick", str(path)), "locked: stick"),
        (lambda repo, path, home: repo.git("worktree", "lock", str(path)), "locked"),
        (lambda repo, path, home: shutil.rmtree(path), "prunable: gitdir file points to non-existent location"),
        (lambda repo, path, home: protect(home, 'protected_branches = ["spare/1"]'), "protected branch spare/1"),
        (lambda repo, path, home: protect(home, 'protected_worktrees = ["spare-1"]'), "protected worktree"),
        (lambda repo, path, home: protect(home, f'protected_worktrees = ["{path}"]'), "protected worktree"),
        (stable_copy, "hosts the running scripts"),
        (recorded, "agent in fleet:3"),
        (recorded_through_a_link, "agent in fleet:3"),
        (lambda repo, path, home: (path / ".git").write_text("gitdir: /nowhere\n"), "cannot tell the repository"),
    ],
)  # fmt: skip
def test_what_is_not_free_is_not_offered_and_capacity_says_why(
    run_script: RunScript, git_repo: GitRepo, home: Path, change: Change, reason: str
) -> None:
    first, second = git_repo.add_spares(2)
    change(git_repo, first, home)
    done = run_script("find-spare", git_repo.path)
    assert (done.returncode, done.stdout) == (0, f"{second} spare/2\n")
    assert reasons(run_script, git_repo.path)[first.name].startswith(reason)
    listed = run_script("capacity", git_repo.path)
    assert listed.returncode == 0
    assert "1 free" in listed.stdout.splitlines()[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda repo, path, home: (path / ".git").exists() and (home / "ignored").touch(),
        lambda repo, path, home: write_state(home, worktree_path=str(path), state="recycled"),
        lambda repo, path, home: (path / "empty" / "folder").mkdir(parents=True),
        lambda repo, path, home: [
            (repo.path / ".git" / "info" / "exclude").write_text("build/\n.env\n"),
            (path / "build").mkdir(),
            (path / "build" / "x").touch(),
            (path / ".env").touch(),
        ],
        lambda repo, path, home: [repo.commit("kept", cwd=path), repo.git("branch", "kept", "HEAD", cwd=path)],
        lambda repo, path, home: [repo.commit("tagged", cwd=path), repo.git("tag", "v1", cwd=path)],
    ],
)
def test_what_loses_nothing_does_not_stand_in_the_way(
    run_script: RunScript, git_repo: GitRepo, home: Path, change: Change
) -> None:
    (path,) = git_repo.add_spares(1)
    change(git_repo, path, home)
    done = run_script("find-spare", git_repo.path)
    assert (done.returncode, done.stdout) == (0, f"{path} spare/1\n"), reasons(run_script, git_repo.path)


def test_the_worktree_that_the_scripts_run_from_is_never_offered(git_repo: GitRepo, home: Path) -> None:
    first, second = git_repo.add_spares(2)
    skill = first / ".claude" / "skills" / "orchestrate"
    shutil.copytree(BUNDLE / "fleetscripts", skill / "fleetscripts", ignore=shutil.ignore_patterns("__pycache__"))
    (git_repo.path / ".git" / "info" / "exclude").write_text(".claude/\n__pycache__/\n")
    (home / "skill").symlink_to(skill)
    for entry in (skill, home / "skill"):
        main = entry / "fleetscripts" / "__main__.py"
        done = subprocess.run(
            [sys.executable, "-I", str(main), "find-spare", str(git_repo.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, f"{second} spare/2\n"), done.stderr


def test_no_spare_is_a_no_and_no_repository_a_failure(run_script: RunScript, git_repo: GitRepo, tmp_path: Path) -> None:
    none = run_script("find-spare", git_repo.path)
    assert (none.returncode, none.stdout) == (3, "")
    assert len(none.stderr.splitlines()) == 1
    (tmp_path / "plain").mkdir()
    for place in (tmp_path / "plain", tmp_path / "nowhere", tmp_path / "two\nlines", git_repo.path / "README.md"):
        for name in ("find-spare", "capacity"):
            done = run_script(name, place)
            assert (done.returncode, done.stdout) == (1, "")
            assert len(done.stderr.splitlines()) == 1
            assert done.stderr.startswith(f"{name}: ")


@pytest.mark.parametrize("text", ["{", "[]", '{"agents": 5}', '{"agents": [{"window": 3}]}'])
def test_a_damaged_state_file_frees_no_worktree(
    run_script: RunScript, git_repo: GitRepo, home: Path, text: str
) -> None:
    git_repo.add_spares(1)
    (home / "state.json").write_text(text)
    done = run_script("find-spare", git_repo.path)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert (home / "state.json").read_text() == text


def test_git_settings_of_the_repository_run_nothing(run_script: RunScript, git_repo: GitRepo, tmp_path: Path) -> None:
    (path,) = git_repo.add_spares(1)
    git_repo.git("config", "core.fsmonitor", f"touch {tmp_path / 'owned'};:")
    git_repo.git("config", "core.pager", f"touch {tmp_path / 'owned'}")
    assert run_script("find-spare", path).returncode == 0
    assert not (tmp_path / "owned").exists()


def test_a_call_from_a_git_hook_still_means_the_repository_named(
    run_script: RunScript, git_repo: GitRepo, tmp_path: Path
) -> None:
    git_repo.add_spares(1)
    done = run_script("find-spare", git_repo.path, env={"GIT_DIR": str(tmp_path / "else"), "GIT_INDEX_FILE": "x"})
    assert done.returncode == 0, done.stderr


def test_neither_command_loads_tmux(git_repo: GitRepo) -> None:
    git_repo.add_spares(1)
    code = (
        "import sys\nfrom fleetscripts.commands import find_spare, capacity\n"
        f"assert find_spare.main([{str(git_repo.path)!r}]) == 0\nassert capacity.main([{str(git_repo.path)!r}]) == 0\n"
        "print([m for m in sys.modules if 'libtmux' in m or m.endswith('adapters.tmux') or m == 'rich'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=BUNDLE)
    assert done.stdout.splitlines()[-1] == "[]"


FACTS = st.builds(
    WorktreeFacts,
    path=st.sampled_from(["/w/a", "/w/b"]),
    branch=st.none() | st.sampled_from(["spare/1", "spare/20", "feat/x", "main"]),
    head=st.sampled_from(["", "abc"]),
    bare=st.booleans(),
    locked=st.none() | st.text(max_size=3),
    prunable=st.none() | st.text(max_size=3),
)
CONTENTS = st.builds(
    WorktreeContents,
    changes=st.integers(0, 2),
    operation=st.none() | st.just("merge"),
    own_commits=st.integers(0, 2),
)


@given(FACTS, CONTENTS, st.booleans(), st.booleans(), st.booleans())
def test_free_means_that_nothing_speaks_against_it(
    facts: WorktreeFacts, contents: WorktreeContents, used: bool, taken: bool, hosting: bool
) -> None:
    claims = Claims(
        agents={"/w/a": "fleet:1"} if used else {},
        taken={"/w/a": "being taken"} if taken else {},
        host="/w/a" if hosting else None,
    )
    place = standing(facts, claims)
    if place.standing is WorktreeUse.FREE:
        place = standing_inside(place, contents)
    good = (
        spare_number(facts.branch) is not None
        and facts.head
        and not facts.bare
        and facts.locked is None
        and facts.prunable is None
        and (contents.changes, contents.operation, contents.own_commits) == (0, None, 0)
        and not (facts.path == "/w/a" and (used or taken or hosting))
    )
    assert (place.standing is WorktreeUse.FREE) == bool(good)
    assert bool(place.reason) == (place.standing is not WorktreeUse.FREE)
    assert isinstance(order(place), tuple)


@pytest.mark.parametrize(
    ("branch", "number"),
    [("spare/1", 1), ("spare/012", 12), (None, None), ("spare/", None), ("spare/1/2", None), ("spare/١", None),
     ("xspare/1", None), ("spare/1\n", None), ("spare/-1", None)],
)  # fmt: skip
def test_spare_numbers(branch: str | None, number: int | None) -> None:
    assert spare_number(branch) == number
