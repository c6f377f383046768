"""recycle-agent, as it is called: refuses what is not done, loses nothing, comes to its end after any crash."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.tmux.guard import Guard
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.errors import FleetError
from fleetscripts.models import PaneFacts
from fleetscripts.services.context import load_fleet
from fleetscripts.services.lifecycle.recycle import recycling
from fleetscripts.services.lifecycle.recycle_options import RecycleOptions
from tests.conftest import RunScript
from tests.places import GitRepo, TmuxServer
from tests.waiting import wait_until

WINDOW = "fleet:1"


class Work:
    """An agent's worktree and window, its task complete, and its record."""

    def __init__(self, repo: GitRepo, server: TmuxServer, home: Path) -> None:
        self.repo, self.home, self.server = repo, home, server
        (self.path,) = repo.add_spares(1)
        (repo.path / ".git" / "info" / "exclude").write_text(".env\n")
        self.git("checkout", "-q", "-b", "feat/x")
        (self.path / "work.txt").write_text("done\n")
        (self.path / ".env").write_text("KEY=1\n")
        repo.commit("Work", cwd=self.path)
        self.git("push", "-q", "-u", "origin", "feat/x")
        server.new_session("fleet", ["sleep", "900"])
        self.tmux = Tmux(server.socket)
        self.pane: PaneFacts = self.tmux.new_window("fleet", "spare-1", self.path, ["sleep", "900"])
        self.record()

    def git(self, *words: str) -> str:
        return self.repo.git(*words, cwd=self.path)

    def record(self, top: dict[str, Any] | None = None, **fields: Any) -> None:
        server = self.tmux.require_server()
        agent = {
            "window": WINDOW, "worktree": "spare-1", "worktree_path": str(self.path), "spare_branch": "spare/1",
            "branch": "feat/x", "pane_id": self.pane.pane_id, "window_id": self.pane.window_id, "spawned_at": 5,
            "tmux_server": {"socket": server.socket, "pid": server.pid, "start_time": server.start_time},
        }  # fmt: skip
        (self.home / "state.json").write_text(json.dumps({**(top or {}), "agents": [agent | fields]}))

    @property
    def state(self) -> str:
        return str(json.loads((self.home / "state.json").read_text())["agents"][0].get("state", "running"))

    @property
    def open(self) -> bool:
        return self.tmux.resolve(self.pane.pane_id) is not None

    def rescues(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname)", "refs/fleet/rescue").splitlines()

    def is_spare_again(self) -> bool:
        return (
            self.git("status", "--porcelain", "--branch").splitlines() == ["## spare/1"]
            and self.git("rev-parse", "HEAD") == self.repo.git("rev-parse", "main", cwd=self.repo.origin)
            and (self.path / ".env").exists()
            and not self.open
            and self.state == "recycled"
        )


@pytest.fixture
def work(git_repo: GitRepo, tmux_server: TmuxServer, home: Path) -> Work:
    return Work(git_repo, tmux_server, home)


def advance_main(repo: GitRepo) -> None:
    """Main goes on at origin, unseen by any fetch."""
    repo.git("checkout", "-q", "main")
    repo.commit("main goes on")
    repo.git("push", "-q", "origin", "main")
    repo.git("update-ref", "refs/remotes/origin/main", "main~1")


def test_complete_work_is_recycled_onto_the_newest_main_and_nothing_needs_rescue(
    run_script: RunScript, work: Work, git_repo: GitRepo
) -> None:
    advance_main(git_repo)
    done = run_script("recycle-agent", WINDOW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"recycled {WINDOW}: {work.path} is on spare/1 at ")
    assert "origin/main, fetched now" in done.stdout
    assert work.is_spare_again()
    assert work.rescues() == []
    assert work.git("rev-parse", "feat/x") == work.git("rev-parse", "origin/feat/x")
    assert run_script("find-spare", git_repo.path).stdout == f"{work.path} spare/1\n"
    again = run_script("recycle-agent", WINDOW)
    assert (again.returncode, again.stdout) == (0, f"{WINDOW} was recycled before: nothing to do\n")


def test_the_processes_of_the_window_end_before_the_worktree_changes(run_script: RunScript, work: Work) -> None:
    """Also those of a client that shrugs off the hang-up, and its child."""
    client = ["/bin/sh", "-c", "trap '' HUP; sleep 901 & exec sleep 902"]
    guard = Guard.of(work.tmux.require_server(), work.pane, ("sleep",))
    assert work.tmux.respawn(guard, client, work.path)
    wait_until(lambda: len(processes_in(work.path)) == 2)
    assert run_script("recycle-agent", WINDOW).returncode == 0
    assert processes_in(work.path) == []
    assert work.is_spare_again()


def processes_in(path: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == path:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def uncommitted(work: Work) -> None:
    (work.path / "work.txt").write_text("changed\n")


def untracked(work: Work) -> None:
    (work.path / "deep").mkdir()
    (work.path / "deep" / "new\nfile").write_text("new\n")


def staged(work: Work) -> None:
    (work.path / "work.txt").write_text("staged\n")
    work.git("add", "work.txt")
    (work.path / "work.txt").write_text("and changed\n")


def unpushed(work: Work) -> None:
    work.repo.commit("not pushed", cwd=work.path)


def detached(work: Work) -> None:
    work.git("checkout", "-q", "--detach")
    work.repo.commit("on no branch", cwd=work.path)


def conflict(work: Work) -> None:
    work.git("checkout", "-q", "-b", "other", "main")
    (work.path / "work.txt").write_text("other\n")
    work.repo.commit("other", cwd=work.path)
    work.git("checkout", "-q", "feat/x")
    with pytest.raises(AssertionError):
        work.git("merge", "other")


def rebasing(work: Work) -> None:
    conflict(work)
    work.git("merge", "--abort")
    with pytest.raises(AssertionError):
        work.git("rebase", "other")


def picking(work: Work) -> None:
    conflict(work)
    work.git("merge", "--abort")
    with pytest.raises(AssertionError):
        work.git("cherry-pick", "other")


def bisecting(work: Work) -> None:
    for bad in ("bad", "worse"):
        work.repo.commit(bad, cwd=work.path)
    work.git("checkout", "-q", "--detach")
    work.git("bisect", "start", "HEAD", "main")
    work.repo.commit("in the midst of it", cwd=work.path)


def intended(work: Work) -> None:
    (work.path / "new.txt").write_text("to be added\n")
    work.git("add", "--intent-to-add", "new.txt")


def executable(work: Work) -> None:
    (work.path / "work.txt").chmod(0o755)


def folder_for_a_file(work: Work) -> None:
    (work.path / "work.txt").unlink()
    (work.path / "work.txt").mkdir()
    (work.path / "work.txt" / "inner").write_text("inner\n")


def link_for_a_folder(work: Work) -> None:
    (work.path / "deep").mkdir()
    (work.path / "deep" / "file").write_text("deep\n")
    work.repo.commit("a folder", cwd=work.path)
    work.git("push", "-q")
    (work.path / "other").mkdir()
    (work.path / "deep").rename(work.path / "other" / "deep")
    (work.path / "deep").symlink_to("other/deep")


LOSABLE = [
    *(uncommitted, untracked, staged, unpushed, detached, conflict, rebasing, picking, bisecting, intended),
    *(executable, folder_for_a_file, link_for_a_folder),
]


@pytest.mark.parametrize("change", LOSABLE)
def test_work_that_is_not_complete_is_refused_and_left_as_it_is(
    run_script: RunScript, work: Work, change: Callable[[Work], None]
) -> None:
    change(work)
    before = work.git("status", "--porcelain", "--branch")
    done = run_script("recycle-agent", WINDOW)
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert "nothing was changed" in done.stderr
    assert work.git("status", "--porcelain", "--branch") == before
    assert work.open
    assert work.rescues() == []
    assert work.state == "running"


@pytest.mark.parametrize("change", LOSABLE)
def test_force_saves_everything_first(run_script: RunScript, work: Work, change: Callable[[Work], None]) -> None:
    change(work)
    head = work.git("rev-parse", "HEAD")
    contents = files(work.path)
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert work.is_spare_again()
    refs = [line.removeprefix("rescued: ") for line in done.stdout.splitlines() if line.startswith("rescued: ")]
    assert refs == work.rescues()
    assert refs[0].startswith("refs/fleet/rescue/")
    assert work.git("merge-base", "--is-ancestor", head, refs[0]) == ""
    work.git("checkout", "-q", "--detach", refs[0])
    assert files(work.path) == contents


def files(path: Path) -> dict[str, tuple[str, bool]]:
    """Each file's text and whether it can be run; of a link, where it leads."""
    found = {}
    for file in path.rglob("*"):
        name = str(file.relative_to(path))
        if file.is_symlink():
            found[name] = (f"-> {file.readlink()}", False)
        elif file.is_file() and name != ".git":
            found[name] = (file.read_text(), os.access(file, os.X_OK))
    return found


def test_what_was_staged_and_then_changed_again_is_kept_too(run_script: RunScript, work: Work) -> None:
    staged(work)
    assert run_script("recycle-agent", WINDOW, "--force").returncode == 0
    (ref,) = work.rescues()
    assert work.git("show", f"{ref}:work.txt") == "and changed"
    assert work.git("show", f"{ref}^2:work.txt") == "staged"


def test_commits_only_on_the_spare_branch_are_kept(run_script: RunScript, work: Work) -> None:
    tip = work.git("commit-tree", "-m", "lonely", "-p", "main", "main^{tree}")
    work.git("update-ref", "refs/heads/spare/1", tip)
    assert run_script("recycle-agent", WINDOW).returncode == 0
    (ref,) = work.rescues()
    assert ref.startswith("refs/fleet/rescue/spare/1-")
    assert work.git("rev-parse", ref) == tip
    assert work.is_spare_again()


def test_files_that_only_the_agents_branch_ignores_are_saved_before_they_go(run_script: RunScript, work: Work) -> None:
    (work.path / ".gitignore").write_text("build/\n")
    work.repo.commit("ignore", cwd=work.path)
    work.git("push", "-q")
    (work.path / "build").mkdir()
    (work.path / "build" / "result").write_text("precious")
    assert run_script("recycle-agent", WINDOW).returncode == 0
    (ref,) = work.rescues()
    assert work.git("show", f"{ref}:build/result") == "precious"
    assert work.is_spare_again()


def test_a_rescue_that_was_written_is_not_called_nothing(run_script: RunScript, work: Work) -> None:
    untracked(work)
    settings, fleet = load_fleet(os.environ)
    with recycling(settings, fleet, fleet.agents[0], RecycleOptions(force=True)) as begun:
        for step in begun.steps()[:3]:
            step()
        with subprocess.Popen(["sleep", "900"], cwd=work.path) as editor:
            try:
                with pytest.raises(FleetError, match=r"works in the worktree.*; nothing else was changed"):
                    begun.run()
            finally:
                editor.kill()
    assert work.rescues() == begun.rescued != []
    assert work.open


def test_what_fails_after_the_pane_is_closed_is_told_as_half_way(run_script: RunScript, work: Work) -> None:
    """The client's last act is a lock that keeps git from going on."""
    lock = Path(work.git("rev-parse", "--absolute-git-dir")) / "index.lock"
    script = f"trap 'touch {lock}; exit' HUP TERM; touch {work.home}/set; while :; do sleep 0.1; done"
    work.server.run("respawn-pane", "-k", "-t", work.pane.pane_id, "-c", "/", "--", "sh", "-c", script)
    wait_until(lambda: (work.home / "set").exists(), what="the trap")
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 1, done.stderr
    assert "is paused and will not be resumed" in done.stderr
    assert "goes on from here" in done.stderr
    assert "nothing" not in done.stderr
    assert not work.open
    lock.unlink()
    assert run_script("recycle-agent", "spare-1", "--force").returncode == 0
    assert work.is_spare_again()


STEPS = range(7)


@pytest.mark.parametrize("done", STEPS)
@pytest.mark.parametrize("dirty", [False, True])
def test_after_a_crash_at_any_step_the_same_call_comes_to_the_same_end(
    run_script: RunScript, work: Work, done: int, dirty: bool
) -> None:
    if dirty:
        untracked(work)
        unpushed(work)
        uncommitted(work)
    words = [WINDOW, "--force"] if dirty else [WINDOW]
    settings, fleet = load_fleet(os.environ)
    with recycling(settings, fleet, fleet.agents[0], RecycleOptions(force=dirty)) as begun:
        for step in begun.steps()[:done]:
            step()
    again = run_script("recycle-agent", *words)
    assert again.returncode == 0, again.stderr
    assert work.is_spare_again()
    assert len(work.rescues()) == (1 if dirty else 0)
    assert not list((settings.fleet_home / "recycling").glob("*"))
    assert not list((settings.fleet_home / "claims").glob("*"))


@pytest.mark.parametrize("forced", [False, True])
def test_what_was_begun_with_force_needs_no_force_to_end(run_script: RunScript, work: Work, forced: bool) -> None:
    uncommitted(work)
    settings, fleet = load_fleet(os.environ)
    with recycling(settings, fleet, fleet.agents[0], RecycleOptions(force=True)) as begun:
        for step in begun.steps()[:3]:
            step()
    done = run_script("recycle-agent", WINDOW, *(["--force"] if forced else []))
    assert done.returncode == 0, done.stderr
    assert work.rescues()[0] in done.stdout
    assert work.is_spare_again()


def test_a_recycling_begun_for_one_agent_settles_nothing_for_the_next(run_script: RunScript, work: Work) -> None:
    settings, fleet = load_fleet(os.environ)
    with recycling(settings, fleet, fleet.agents[0], RecycleOptions()) as begun:
        for step in begun.steps()[:3]:
            step()
    uncommitted(work)
    work.record(spawned_at=6)
    assert run_script("recycle-agent", WINDOW).returncode == 3
    assert (work.path / "work.txt").read_text() == "changed\n"


@pytest.mark.parametrize("text", ['protected_worktrees = ["spare-1"]', 'protected_branches = ["feat/x"]'])
def test_a_protected_worktree_is_never_recycled(run_script: RunScript, work: Work, text: str) -> None:
    (work.home / "fleet").mkdir(exist_ok=True)
    (work.home / "fleet" / "config.toml").write_text(text)
    untouched(run_script, work, "--force")


def test_the_worktree_that_the_scripts_came_from_is_never_recycled(run_script: RunScript, work: Work) -> None:
    (work.home / "fleet" / "bundle").mkdir(parents=True)
    (work.home / "fleet" / "bundle" / "origin").write_text(f"{work.path}/skills/orchestrate")
    untouched(run_script, work, "--force")


def test_the_windows_we_and_the_loop_run_in_are_not_closed(run_script: RunScript, work: Work) -> None:
    server = work.tmux.require_server()
    here = {"TMUX": f"{server.socket},{server.pid},0", "TMUX_PANE": work.pane.pane_id}
    untouched(run_script, work, "--force", env=here)
    loop = {"loop_pane_id": work.pane.pane_id, "loop_window": WINDOW}
    work.record(
        {**loop, "loop_tmux_server": json.loads((work.home / "state.json").read_text())["agents"][0]["tmux_server"]}
    )
    untouched(run_script, work, "--force")


def test_a_repository_inside_the_worktree_stops_it_before_anything_is_closed(run_script: RunScript, work: Work) -> None:
    work.repo.git("init", "-q", str(work.path / "inner"))
    work.repo.commit("inner", cwd=work.path / "inner")
    untouched(run_script, work, "--force")


def test_a_spare_branch_that_another_worktree_has_is_not_taken_from_it(run_script: RunScript, work: Work) -> None:
    work.repo.git("checkout", "-q", "spare/1")
    untouched(run_script, work, "--force")


def test_a_worktree_that_another_agent_works_in_is_not_recycled(run_script: RunScript, work: Work) -> None:
    state = json.loads((work.home / "state.json").read_text())
    state["agents"].append(state["agents"][0] | {"window": "fleet:9", "spawned_at": 9, "pane_id": ""})
    (work.home / "state.json").write_text(json.dumps(state))
    untouched(run_script, work, "--force")


def untouched(run_script: RunScript, work: Work, *more: str, env: dict[str, str | None] | None = None) -> None:
    before = work.git("status", "--porcelain", "--branch")
    done = run_script("recycle-agent", WINDOW, *more, env=env)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert work.git("status", "--porcelain", "--branch") == before
    assert work.open
    assert work.state == "running"


def test_without_a_remote_the_spare_branch_stays_where_it_was(run_script: RunScript, work: Work) -> None:
    where = work.git("rev-parse", "spare/1")
    work.git("remote", "remove", "origin")
    folders = {"git_dir": work.git("rev-parse", "--absolute-git-dir"),
               "common_dir": work.git("rev-parse", "--path-format=absolute", "--git-common-dir")}  # fmt: skip
    work.record(repository=folders)
    done = run_script("recycle-agent", WINDOW)
    assert done.returncode == 0, done.stderr
    assert "no remote to fetch from" in done.stdout
    assert work.git("rev-parse", "HEAD") == where
    assert work.git("symbolic-ref", "--short", "HEAD") == "spare/1"


def test_a_remote_that_does_not_answer_leaves_the_last_fetched_default_branch(
    run_script: RunScript, work: Work
) -> None:
    work.git("remote", "set-url", "origin", "/nowhere.git")
    assert run_script("recycle-agent", WINDOW).returncode == 3
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert "as last fetched" in done.stdout
    assert work.is_spare_again()


def test_a_window_of_an_earlier_server_or_of_another_folder_is_left_alone(run_script: RunScript, work: Work) -> None:
    server = work.tmux.require_server()
    work.record(tmux_server={"socket": server.socket, "pid": 2**22 + 1, "start_time": server.start_time - 1})
    refused = run_script("recycle-agent", "spare-1")
    assert (refused.returncode, work.open) == (3, True)
    assert f"pid {work.pane.pid} (sleep 900) works in the worktree: end it (kill {work.pane.pid})" in refused.stderr
    work.server.run("respawn-pane", "-k", "-t", work.pane.pane_id, "-c", "/", "--", "sleep", "900")
    assert run_script("recycle-agent", "spare-1").returncode == 0
    assert work.open
    work.record(pane_id="", window_id="", tmux_server=None, window="fleet:0")
    work.git("checkout", "-q", "feat/x")
    assert run_script("recycle-agent", "fleet:0").returncode == 0
    assert work.tmux.resolve("fleet:0") is not None


def test_the_seeds_record_without_ids_is_enough(run_script: RunScript, work: Work) -> None:
    work.record(pane_id="", window_id="", tmux_server=None)
    done = run_script("recycle-agent", WINDOW, work.path, "spare/1")
    assert done.returncode == 0, done.stderr
    assert work.is_spare_again()


def test_a_worktree_left_without_a_record_takes_force_and_its_window_goes(run_script: RunScript, work: Work) -> None:
    (work.home / "state.json").unlink()
    refused = run_script("recycle-agent", WINDOW, work.path, "spare/1")
    assert refused.returncode == 3
    assert work.open
    done = run_script("recycle-agent", WINDOW, work.path, "spare/1", "--force")
    assert done.returncode == 0, done.stderr
    assert not work.open
    assert work.git("symbolic-ref", "--short", "HEAD") == "spare/1"
    assert not (work.home / "state.json").exists()


def test_without_a_tmux_server_only_the_window_is_missing(run_script: RunScript, work: Work) -> None:
    work.server.kill()
    assert run_script("recycle-agent", WINDOW).returncode == 0
    assert work.is_spare_again()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["fleet:77"], 1),
        ([WINDOW, "/nowhere", "spare/1"], 2),
        ([WINDOW, "PATH", "spare/2"], 2),
        (["fleet:77", "/nowhere", "spare/1", "--force"], 1),
        (["fleet:77", "PATH", "main", "--force"], 2),
        (["fleet:77", "PATH", "--force"], 2),
        (["fleet:77", "PATH", "spare/1", "--force"], 3),
        ([WINDOW, "PATH", "spare/1", "more"], 2),
    ],
)
def test_bad_calls_are_one_line_and_change_nothing(
    run_script: RunScript, work: Work, words: list[str], code: int
) -> None:
    done = run_script("recycle-agent", *[str(work.path) if word == "PATH" else word for word in words])
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert work.open
    assert work.state == "running"


def test_a_read_only_home_stops_it_before_anything_is_done(run_script: RunScript, work: Work) -> None:
    (work.home / "fleet").mkdir()
    (work.home / "fleet" / "recycling").write_text("not a folder")
    done = run_script("recycle-agent", WINDOW)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert work.open
    assert work.git("symbolic-ref", "--short", "HEAD") == "feat/x"
