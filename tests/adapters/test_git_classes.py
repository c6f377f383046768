"""What is lost, believed or run when an agent's worktree is not as git shows it: hidden changes, other repositories."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.git.git import Git, GitFailed
from fleetscripts.adapters.git.place import repository_at
from fleetscripts.adapters.git.remotes import recorded_remote
from fleetscripts.services.typing.dialog_context import trust_doubt
from tests.conftest import RunScript
from tests.places import GitRepo

WINDOW = "fleet:1"


class Work:
    """A complete task in a spare worktree, with its repository recorded."""

    def __init__(self, repo: GitRepo, home: Path) -> None:
        self.repo, self.home = repo, home
        (repo.path / "a.txt").write_text("a\n")
        (repo.path / "b.txt").write_text("b\n")
        repo.commit("Files")
        repo.git("push", "-q", "origin", "HEAD:main")
        (self.path,) = repo.add_spares(1)
        self.git("checkout", "-q", "-b", "feat/x")
        (self.path / "work.txt").write_text("work\n")
        repo.commit("Work", cwd=self.path)
        self.git("push", "-q", "-u", "origin", "feat/x")
        self.record()

    def git(self, *words: str) -> str:
        return self.repo.git(*words, cwd=self.path)

    def record(self, **fields: Any) -> None:
        found = recorded_remote(Git.in_worktree(str(self.path)), "feat/x")
        assert found is not None
        repository = {name: getattr(found, name) for name in ("git_dir", "common_dir", "remote", "url", "base_url")}
        agent = {"window": WINDOW, "worktree": "spare-1", "worktree_path": str(self.path), "spare_branch": "spare/1",
                 "branch": "feat/x", "spawned_at": 5, "repository": repository}  # fmt: skip
        (self.home / "state.json").write_text(json.dumps({"agents": [agent | fields]}))

    def rescued(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname)", "refs/fleet/rescue").splitlines()

    def kept(self, path: str) -> list[str]:
        found = []
        for ref in self.rescued():
            if path in self.git("ls-tree", "-r", "--name-only", ref).splitlines():
                found.append(self.git("cat-file", "blob", f"{ref}:{path}"))
        return found


@pytest.fixture
def work(git_repo: GitRepo, home: Path) -> Work:
    return Work(git_repo, home)


def gate(run_script: RunScript, name: str) -> tuple[str, str]:
    done = run_script("verify-complete", WINDOW, "--json")
    return next((g["status"], g["evidence"]) for g in json.loads(done.stdout)["gates"] if g["name"] == name)


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_that_the_index_hides_is_no_clean_work_and_is_kept(
    run_script: RunScript, work: Work, mark: str
) -> None:
    work.git("update-index", mark, "a.txt")
    (work.path / "a.txt").write_text("hidden\n")
    assert work.git("status", "--porcelain") == ""
    assert gate(run_script, "clean") == ("fail", "uncommitted: a.txt: commit or remove")
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert work.kept("a.txt") == ["hidden"]
    assert (work.path / "a.txt").read_text() == "a\n"
    assert all(line.startswith("H ") for line in work.git("ls-files", "-v").splitlines())


def test_what_is_written_outside_of_a_sparse_checkout_is_seen_and_kept(run_script: RunScript, work: Work) -> None:
    for name in ("seen", "left-out"):
        (work.path / name).mkdir()
        (work.path / name / "file").write_text(f"{name}\n")
    work.repo.commit("folders", cwd=work.path)
    work.git("push", "-q", "origin", "feat/x", "feat/x:main")
    work.git("sparse-checkout", "set", "seen")
    assert run_script("verify-complete", WINDOW).returncode == 0
    (work.path / "left-out").mkdir()
    (work.path / "left-out" / "file").write_text("changed\n")
    (work.path / "left-out" / "new").write_text("new\n")
    assert "left-out/file, left-out/new" in gate(run_script, "clean")[1]
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert (work.kept("left-out/file"), work.kept("left-out/new")) == (["changed"], ["new"])
    assert not (work.path / "left-out").exists()
    assert (work.path / "seen" / "file").read_text() == "seen\n"


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_a_spare_that_hides_a_change_is_not_free(run_script: RunScript, git_repo: GitRepo, mark: str) -> None:
    (path,) = git_repo.add_spares(1)
    git_repo.git("update-index", mark, "README.md", cwd=path)
    (path / "README.md").write_text("hidden\n")
    assert run_script("find-spare", git_repo.path).returncode == 3


def test_ignored_files_that_the_spare_branch_would_overwrite_are_kept(run_script: RunScript, work: Work) -> None:
    (work.repo.path / "notes.md").write_text("of main\n")
    (work.repo.path / "deep").write_text("a file\n")
    work.repo.commit("notes")
    work.repo.git("push", "-q", "origin", "HEAD:main")
    (work.repo.path / ".git" / "info" / "exclude").write_text("notes.md\ndeep/\n.env\n")
    (work.path / "notes.md").write_text("the agent's\n")
    (work.path / "deep").mkdir()
    (work.path / "deep" / "er.md").write_text("deeper\n")
    (work.path / ".env").write_text("KEY=1\n")
    done = run_script("recycle-agent", WINDOW)
    assert done.returncode == 0, done.stderr
    assert work.kept("notes.md") == ["the agent's"]
    assert work.kept("deep/er.md") == ["deeper"]
    assert (work.path / "notes.md").read_text() == "of main\n"
    assert (work.path / ".env").read_text() == "KEY=1\n"
    assert "rescued: refs/fleet/rescue/" in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "CLAUDE.local.md",
        ".claude/settings.local.json",
        "sub/CLAUDE.local.md",
        ".mcp.json",
        ".cursorrules",
        ".roo/rules/x.md",
    ],
)
def test_what_steers_an_agent_does_not_wait_for_the_next_one(run_script: RunScript, work: Work, name: str) -> None:
    (work.repo.path / ".git" / "info" / "exclude").write_text(
        "CLAUDE.local.md\n.claude/\n.mcp.json\n.env\n.cursorrules\n.roo/\n"
    )
    (work.path / name).parent.mkdir(parents=True, exist_ok=True)
    (work.path / name).write_text("steer\n")
    (work.path / ".env").write_text("KEY=1\n")
    assert run_script("recycle-agent", WINDOW).returncode == 0
    assert not (work.path / name).exists()
    assert work.kept(name) == ["steer"]
    assert (work.path / ".env").exists()


def test_no_pipe_waits_for_the_next_agents_client(run_script: RunScript, work: Work) -> None:
    """git lists no pipe, ignored or not, and a client that reads one for its settings never begins."""
    (work.repo.path / ".git" / "info" / "exclude").write_text(".claude/\nCLAUDE.local.md\nnode_modules/\n")
    pipes = [
        work.path / name for name in (".claude/settings.json", "sub/CLAUDE.local.md", "CLAUDE.md", "node_modules/x")
    ]
    for pipe in pipes:
        pipe.parent.mkdir(exist_ok=True)
        os.mkfifo(pipe)
    assert run_script("recycle-agent", WINDOW, "--force", timeout=60).returncode == 0
    assert [pipe.name for pipe in pipes if pipe.exists()] == ["x"], "only where no client looks"


@pytest.mark.parametrize("place", [".claude/skills/mine", ".agents/skills/mine", ".codex"])
def test_an_ignored_repository_that_steers_is_named_before_anything_is_changed(
    run_script: RunScript, work: Work, place: str
) -> None:
    (work.repo.path / ".git" / "info" / "exclude").write_text(".claude/\n.agents/\n.codex/\n")
    work.repo.git("init", "-q", str(work.path / place), cwd=work.path)
    (work.path / place / "SKILL.md").write_text("steer\n")
    done = run_script("recycle-agent", WINDOW)
    assert done.returncode == 3
    assert done.stderr.endswith("move it away first; nothing was changed\n"), done.stderr
    assert (work.path / place / "SKILL.md").exists()
    assert work.git("symbolic-ref", "--short", "HEAD") == "feat/x"
    assert run_script("recycle-agent", WINDOW, "--force").returncode == 3


def test_worktrees_of_sub_agents_stay(run_script: RunScript, work: Work) -> None:
    (work.repo.path / ".git" / "info" / "exclude").write_text(".claude/\n")
    work.git("worktree", "add", "-q", "--detach", ".claude/worktrees/sub")
    assert run_script("recycle-agent", WINDOW).returncode == 0
    assert (work.path / ".claude" / "worktrees" / "sub" / "README.md").exists()


def test_a_rescue_that_would_equal_its_parent_is_none(run_script: RunScript, work: Work) -> None:
    os.utime(work.path / "a.txt", (1, 1))
    (work.path / "b.txt").chmod(0o600)
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert "rescued" not in done.stdout
    assert work.rescued() == []


def evil(work: Work, tmp_path: Path) -> Path:
    """A repository of the agent's own that says all is well, and runs what it likes."""
    place = tmp_path / "evil"
    work.repo.git("clone", "-q", str(work.repo.origin), str(place), cwd=tmp_path)
    work.repo.git("config", "filter.x.clean", f"touch {tmp_path}/ran; cat", cwd=place)
    work.repo.git("config", "core.sshCommand", f"touch {tmp_path}/ran", cwd=place)
    (place / ".git" / "info" / "attributes").write_text("* filter=x\n")
    work.repo.git("checkout", "-q", "feat/x", cwd=place)
    return place


def plain_pointer(work: Work, place: Path) -> None:
    (work.path / ".git").write_text(f"gitdir: {place}/.git\n")


def link(work: Work, place: Path) -> None:
    (work.path / ".git").unlink()
    (work.path / ".git").symlink_to(place / ".git")


def folder(work: Work, place: Path) -> None:
    (work.path / ".git").unlink()
    (place / ".git").rename(work.path / ".git")


def forged(work: Work, place: Path) -> None:
    """Points there and back."""
    own = place / ".git" / "worktrees" / "spare-1"
    own.mkdir(parents=True)
    (own / "gitdir").write_text(f"{work.path}/.git\n")
    (own / "commondir").write_text("../..\n")
    (own / "HEAD").write_text("ref: refs/heads/feat/x\n")
    (work.path / ".git").write_text(f"gitdir: {own}\n")


@pytest.mark.parametrize("rewrite", [plain_pointer, link, folder, forged])
@pytest.mark.parametrize("call", [("verify-complete", WINDOW), ("recycle-agent", WINDOW, "--force")])
def test_no_other_repository_is_asked_than_the_recorded_one(
    run_script: RunScript,
    work: Work,
    tmp_path: Path,
    rewrite: Callable[[Work, Path], None],
    call: tuple[str, ...],
) -> None:
    rewrite(work, evil(work, tmp_path))
    (tmp_path / "ran").unlink(missing_ok=True)
    (work.path / "a.txt").write_text("changed\n")
    done = run_script(*call)
    assert done.returncode in (1, 3), done.stdout
    assert "own .git file back" in done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()
    assert (work.path / "a.txt").read_text() == "changed\n"


@pytest.mark.parametrize("committed", [False, True])
def test_a_nested_repository_is_not_entered_and_its_work_not_lost(
    run_script: RunScript, work: Work, tmp_path: Path, committed: bool
) -> None:
    nested = work.path / "nested"
    work.repo.git("init", "-q", str(nested), cwd=tmp_path)
    (nested / "file").write_text("one\n")
    work.repo.commit("Inside", cwd=nested)
    work.git("-c", "advice.addEmbeddedRepo=false", "add", "nested")
    if committed:
        work.git("commit", "-q", "-m", "nested")
        work.git("push", "-q", "origin", "feat/x")
    work.repo.git("config", "filter.x.clean", f"touch {tmp_path}/ran; cat", cwd=nested)
    (nested / ".git" / "info" / "attributes").write_text("* filter=x\n")
    (nested / "file").write_text("two\n")
    status, evidence = gate(run_script, "clean")
    assert status == "fail"
    assert "nested" in evidence
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 3
    assert "move it away first" in done.stderr
    assert (nested / "file").read_text() == "two\n"
    assert not (tmp_path / "ran").exists()


def remote_of_its_own(work: Work, place: Path) -> None:
    work.git("remote", "add", "mine", str(place))
    work.git("push", "-q", "-u", "mine", "feat/x")


def origin_moved(work: Work, place: Path) -> None:
    work.git("remote", "set-url", "origin", str(place))
    work.git("push", "-q", "origin", "feat/x")


def no_remote(work: Work, place: Path) -> None:
    work.git("remote", "remove", "origin")


def rewritten_url(work: Work, place: Path) -> None:
    work.git("config", f"url.{place}.insteadOf", str(work.repo.origin))
    work.git("push", "-q", "origin", "feat/x")


@pytest.mark.parametrize("trick", [remote_of_its_own, origin_moved, no_remote, rewritten_url])
def test_only_the_remote_of_the_spawn_counts(
    run_script: RunScript, work: Work, tmp_path: Path, trick: Callable[[Work, Path], None]
) -> None:
    place = tmp_path / "mine.git"
    work.repo.git("init", "-q", "--bare", str(place), cwd=tmp_path)
    work.repo.commit("not pushed", cwd=work.path)
    trick(work, place)
    assert gate(run_script, "pushed")[0] in ("fail", "unknown")


def test_a_tag_with_the_branchs_name_holds_nothing_up(run_script: RunScript, work: Work) -> None:
    work.git("tag", "feat/x", "HEAD~1")
    assert run_script("verify-complete", WINDOW).returncode == 0


def library_in(work: Work) -> tuple[GitRepo, Path]:
    work.repo.git("config", "--global", "protocol.file.allow", "always")
    library = GitRepo(work.repo.root.parent / "library").create()
    work.repo.git("submodule", "add", "-q", str(library.origin), "lib")
    work.repo.commit("library")
    work.repo.git("push", "-q", "origin", "HEAD:main")
    work.git("merge", "-q", "--no-edit", "main")
    work.git("submodule", "update", "-q", "--init")
    work.git("push", "-q", "origin", "feat/x")
    work.git("fetch", "-q", "origin")
    assert work.repo.git("rev-parse", "HEAD", cwd=work.path / "lib")
    return library, work.path / "lib"


def test_work_inside_a_submodule_is_seen_and_kept_in_its_own_repository(run_script: RunScript, work: Work) -> None:
    _, lib = library_in(work)
    assert run_script("verify-complete", WINDOW).returncode == 0
    pin = work.repo.git("rev-parse", "HEAD", cwd=lib)
    (lib / "README.md").write_text("changed inside\n")
    assert gate(run_script, "clean") == ("fail", "uncommitted: lib/README.md: commit or remove")
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert "rescued: lib: refs/fleet/rescue/" in done.stdout
    ref = work.repo.git("for-each-ref", "--format=%(refname)", "refs/fleet/rescue", cwd=lib)
    assert work.repo.git("cat-file", "blob", f"{ref}:README.md", cwd=lib) == "changed inside"
    assert work.repo.git("rev-parse", "HEAD", cwd=lib) == pin
    assert work.git("status", "--porcelain") == ""


def test_a_submodules_commit_must_be_on_its_remote(run_script: RunScript, work: Work) -> None:
    library, lib = library_in(work)
    pin = work.repo.git("rev-parse", "HEAD", cwd=lib)
    new = work.repo.commit("only here", cwd=lib)
    work.git("add", "lib")
    work.git("commit", "-q", "-m", "pin")
    work.git("push", "-q", "--no-recurse-submodules", "origin", "feat/x")
    status, evidence = gate(run_script, "submodules")
    assert (status, evidence) == ("fail", f"lib at {new[:12]} is on no branch of its remote: push it there first")
    work.repo.git("push", "-q", str(library.origin), "HEAD:refs/heads/feat/lib", cwd=lib)
    assert gate(run_script, "submodules")[0] == "pass"
    assert run_script("recycle-agent", WINDOW).returncode == 0
    assert work.repo.git("rev-parse", "HEAD", cwd=lib) == pin


def test_a_submodule_added_and_never_committed_is_kept_and_leaves_no_folder(
    run_script: RunScript, work: Work, git_repo: GitRepo
) -> None:
    work.repo.git("config", "--global", "protocol.file.allow", "always")
    library = GitRepo(work.repo.root.parent / "library").create()
    work.git("submodule", "add", "-q", str(library.origin), "new")
    inside = work.repo.commit("in the new one", cwd=work.path / "new")
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert not (work.path / "new" / ".git").exists()
    modules = Path(work.git("rev-parse", "--absolute-git-dir")) / "modules" / "new"
    there = ("--git-dir", str(modules), "--work-tree", str(work.path))
    assert inside in work.repo.git(*there, "for-each-ref", "refs/fleet/rescue")
    assert work.git("status", "--porcelain") == ""
    assert run_script("find-spare", git_repo.path).returncode == 0


def test_a_submodule_that_main_has_dropped_is_gone_from_the_spare(run_script: RunScript, work: Work) -> None:
    library_in(work)
    work.repo.git("rm", "-q", "-f", "lib")
    work.repo.commit("no library")
    work.repo.git("push", "-q", "origin", "HEAD:main")
    done = run_script("recycle-agent", WINDOW)
    assert done.returncode == 0, done.stderr
    assert work.git("status", "--porcelain") == ""
    assert not (work.path / "lib" / ".git").exists()


def test_a_submodule_whose_pin_cannot_be_had_is_told_and_not_left_off_its_pin(
    run_script: RunScript, work: Work
) -> None:
    library, lib = library_in(work)
    old = library.git("rev-parse", "HEAD")
    library.commit("newer")
    library.git("push", "-q", "origin", "HEAD:main")
    work.repo.git("fetch", "-q", cwd=work.repo.path / "lib")
    work.repo.git("checkout", "-q", "origin/main", cwd=work.repo.path / "lib")
    work.repo.commit("newer pin")
    work.repo.git("push", "-q", "--no-recurse-submodules", "origin", "HEAD:main")
    assert work.repo.git("rev-parse", "HEAD", cwd=lib) == old
    library.origin.rename(library.origin.with_name("gone.git"))
    done = run_script("recycle-agent", WINDOW)
    assert done.returncode == 0, done.stderr
    assert "lib could not be brought to " in done.stderr
    assert work.git("submodule", "status").startswith("-")
    assert work.git("status", "--porcelain") == ""


def test_the_modules_own_settings_run_nothing(run_script: RunScript, work: Work, tmp_path: Path) -> None:
    _, lib = library_in(work)
    own = Path(work.repo.git("rev-parse", "--absolute-git-dir", cwd=lib))
    ran = f"touch {tmp_path}/ran"
    for name in ("filter.x.clean", "filter.x.smudge", "filter.x.process", "core.sshCommand", "core.fsmonitor"):
        work.repo.git("config", "--file", str(own / "config"), name, f"{ran}; cat")
    (own / "info").mkdir(exist_ok=True)
    (own / "info" / "attributes").write_text("* filter=x\n")
    (lib / "README.md").write_text("changed\n")
    assert gate(run_script, "clean")[0] == "fail"
    assert run_script("recycle-agent", WINDOW, "--force").returncode == 0
    assert not (tmp_path / "ran").exists()


def test_hooks_that_a_repository_names_are_read_past_our_own_override(work: Work) -> None:
    """A tracked folder that is no known place of hooks runs code as soon as the folder is trusted."""
    (work.path / "quiet").mkdir()
    assert trust_doubt(work.path) == ""
    work.git("config", "core.hooksPath", "quiet")
    assert trust_doubt(work.path) == "git hooks run from quiet"


def test_a_folder_that_cannot_be_written_is_told_before_the_pane_is_closed(run_script: RunScript, work: Work) -> None:
    (work.path / "locked").mkdir()
    (work.path / "locked" / "file").write_text("one\n")
    (work.path / "locked").chmod(0o555)
    if os.access(work.path / "locked", os.W_OK):
        pytest.skip("only for users whom a folder's mode keeps out")
    done = run_script("recycle-agent", WINDOW, "--force")
    (work.path / "locked").chmod(0o755)
    assert done.returncode == 3
    assert f"{work.path / 'locked'} cannot be written by you" in done.stderr
    assert (work.path / "locked" / "file").read_text() == "one\n"


def test_a_stale_lock_makes_one_spare_unusable_with_its_reason(run_script: RunScript, git_repo: GitRepo) -> None:
    first, second = git_repo.add_spares(2)
    lock = Path(git_repo.git("rev-parse", "--absolute-git-dir", cwd=first)) / "index.lock"
    lock.touch()
    assert run_script("find-spare", git_repo.path).stdout == f"{second} spare/2\n"
    assert f"{lock} stands" in run_script("capacity", git_repo.path).stdout


def test_dubious_ownership_is_said_truthfully(run_script: RunScript, git_repo: GitRepo) -> None:
    done = run_script("find-spare", git_repo.path, env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert done.returncode == 1
    assert "belongs to another user" in done.stderr
    assert "2.36" not in done.stderr
    here = run_script("find-spare", env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}, cwd=git_repo.path)
    assert here.stderr.endswith(f"--add safe.directory {git_repo.path}\n"), "a line that serves from anywhere"


def test_a_pipe_in_a_files_place_keeps_nothing_from_being_recycled(run_script: RunScript, work: Work) -> None:
    (work.path / "a.txt").unlink()
    os.mkfifo(work.path / "a.txt")
    (work.path / "b.txt").write_text("changed\n")
    done = run_script("recycle-agent", WINDOW, "--force", timeout=30)
    assert done.returncode == 0, done.stderr
    assert work.kept("b.txt") == ["changed"]
    assert (work.path / "a.txt").read_text() == "a\n"


def test_a_worktree_that_is_reached_through_a_link_is_kept_whole(
    run_script: RunScript, work: Work, tmp_path: Path
) -> None:
    (tmp_path / "short").symlink_to(work.path)
    work.record(worktree_path=str(tmp_path / "short"))
    (work.path / "a.txt").write_text("changed\n")
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    (ref,) = work.rescued()
    assert work.git("ls-tree", "-r", "--name-only", ref).split() == ["README.md", "a.txt", "b.txt", "work.txt"]
    assert work.kept("a.txt") == ["changed"]


READ_BY_GIT: dict[str, Callable[[Path, Path], Path]] = {
    "ignore rules": lambda worktree, git_dir: worktree / ".gitignore",
    "attributes": lambda worktree, git_dir: worktree / ".gitattributes",
    "ignore rules of a new folder": lambda worktree, git_dir: worktree / "new" / ".gitignore",
    "HEAD": lambda worktree, git_dir: git_dir / "HEAD",
    "index": lambda worktree, git_dir: git_dir / "index",
    "its branch": lambda worktree, git_dir: git_dir.parent.parent / "refs" / "heads" / "feat" / "x",
    "settings": lambda worktree, git_dir: git_dir.parent.parent / "config",
    "packed refs": lambda worktree, git_dir: git_dir.parent.parent / "packed-refs",
}
"""Files that git opens without asking whether they are files."""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says where a process sleeps")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in ("ignore rules", "HEAD") else pytest.mark.stress) for n in READ_BY_GIT]
)
def test_git_does_not_wait_for_a_pipe_in_a_files_place(run_script: RunScript, work: Work, name: str) -> None:
    path = READ_BY_GIT[name](work.path, Path(repository_at(work.path).git_dir))
    path.parent.mkdir(exist_ok=True)
    (path.parent / "beside.txt").write_text("") if path.parent.name == "new" else None
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    done = run_script("verify-complete", WINDOW, "--json", timeout=60)
    gates = json.loads(done.stdout)["gates"]
    assert not any(gate["status"] == "pass" and gate["name"] == "pushed" for gate in gates)
    assert any("waits for a pipe" in gate["evidence"] for gate in gates), gates


@pytest.mark.stress
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds another process")
def test_git_reads_no_endless_file_to_the_machines_end(work: Work) -> None:
    ref = Path(repository_at(work.path).common_dir) / "refs" / "heads" / "feat" / "x"
    ref.unlink()
    ref.symlink_to("/dev/zero")
    with pytest.raises(GitFailed, match=r"[Oo]ut of memory"):
        Git.in_worktree(str(work.path)).run("status")


def test_a_tracked_file_of_a_terabyte_is_a_change(run_script: RunScript, work: Work) -> None:
    os.truncate(work.path / "a.txt", 1 << 40)
    assert gate(run_script, "clean") == ("fail", "uncommitted: a.txt: commit or remove")


def test_grafts_do_not_make_work_pushed(run_script: RunScript, work: Work) -> None:
    pushed = work.git("rev-parse", "HEAD")
    (work.path / "more.txt").write_text("more\n")
    work.repo.commit("More", cwd=work.path)
    info = Path(repository_at(work.path).common_dir) / "info"
    info.mkdir(exist_ok=True)
    (info / "grafts").write_text(f"{pushed} {work.git('rev-parse', 'HEAD')}\n")
    status, evidence = gate(run_script, "pushed")
    assert status == "fail", evidence
    assert "1 commit ahead" in evidence


@contextmanager
def closed_door() -> Iterator[str]:
    """The address of a server that asks everybody for a password."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/x.git"
        server.shutdown()


def test_no_program_is_asked_for_a_password(work: Work, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "ask"
    program.write_text(f"#!/bin/sh\ntouch {asked}\n")
    program.chmod(0o755)
    work.git("config", "core.askPass", str(program))
    with closed_door() as url, pytest.raises(GitFailed, match="could not read Username"):
        Git.in_worktree(str(work.path)).remote("ls-remote", url)
    assert not asked.exists()


def test_an_orphan_branch_is_kept_too(run_script: RunScript, work: Work) -> None:
    work.git("checkout", "-q", "--orphan", "feat/y")
    (work.path / "a.txt").write_text("from nothing\n")
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert work.kept("a.txt") == ["from nothing"]


def test_the_spare_branch_is_put_where_the_recorded_remote_says(
    run_script: RunScript, work: Work, tmp_path: Path
) -> None:
    main = work.repo.git("rev-parse", "main", cwd=work.repo.origin)
    place = tmp_path / "mine.git"
    work.repo.git("clone", "-q", "--bare", str(work.repo.origin), str(place), cwd=tmp_path)
    work.repo.git("update-ref", "refs/heads/main", work.repo.commit("evil", cwd=work.path), cwd=work.path)
    work.git("push", "-q", str(place), "main")
    work.git("remote", "add", "upstream", str(place))
    work.git("remote", "set-url", "origin", str(place))
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert work.git("rev-parse", "HEAD") == main


def test_an_agents_git_file_does_not_choose_whose_spares_are_free(
    run_script: RunScript, git_repo: GitRepo, tmp_path: Path
) -> None:
    """A spare that points to another repository, there and back, is none of this one."""
    first, second = git_repo.add_spares(2)
    own = tmp_path / "evil" / ".git" / "worktrees" / "spare-1"
    git_repo.git("clone", "-q", str(git_repo.origin), str(tmp_path / "evil"), cwd=tmp_path)
    own.mkdir(parents=True)
    (own / "gitdir").write_text(f"{first}/.git\n")
    (own / "commondir").write_text("../..\n")
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (first / ".git").write_text(f"gitdir: {own}\n")
    assert run_script("find-spare", git_repo.path).stdout == f"{second} spare/2\n"
    assert "points to another repository" in run_script("capacity", git_repo.path).stdout


def test_pointers_may_be_relative(tmp_path: Path) -> None:
    worktree, own = tmp_path / "work", tmp_path / "repo" / ".git" / "worktrees" / "work"
    worktree.mkdir()
    own.mkdir(parents=True)
    (worktree / ".git").write_text("gitdir: ../repo/.git/worktrees/work\n")
    (own / "gitdir").write_text("../../../../work/.git\n")
    (own / "commondir").write_text("../..\n")
    found = repository_at(worktree)
    assert (found.git_dir, found.common_dir) == (str(own), str(tmp_path / "repo" / ".git"))
