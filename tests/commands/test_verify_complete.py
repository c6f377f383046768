"""verify-complete, as it is called: every gate, in every situation, and what cannot be measured never passes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.git.check_command import run_check
from fleetscripts.core.gates.gates import GateResult, GateStatus, GateVerdict, Outcome, RemoteEvidence, pushed, steps
from tests.conftest import RunScript
from tests.places import GitRepo
from tests.waiting import wait_until

Change = Callable[[GitRepo, Path], object]
WINDOW = "fleet:3"


def record(home: Path, path: Path, top: dict[str, Any] | None = None, **fields: Any) -> None:
    agent = {"window": WINDOW, "worktree": path.name, "worktree_path": str(path), "spare_branch": "spare/1",
             "branch": "feat/x", "steps": ["a", "b"], "checkpoints": ["b", "a"]}  # fmt: skip
    (home / "state.json").write_text(json.dumps({**(top or {}), "agents": [agent | fields]}))


@pytest.fixture
def work(git_repo: GitRepo, home: Path) -> Path:
    """A worktree whose task is complete: committed, pushed, every step checkpointed."""
    (path,) = git_repo.add_spares(1)
    git_repo.git("checkout", "-q", "-b", "feat/x", cwd=path)
    (path / "work.txt").write_text("done\n")
    git_repo.commit("Work", cwd=path)
    git_repo.git("push", "-q", "-u", "origin", "feat/x", cwd=path)
    record(home, path)
    return path


def gates(run_script: RunScript, *more: str) -> tuple[int, str, dict[str, tuple[str, str]]]:
    """Exit code, outcome, and status and evidence of each gate."""
    done = run_script("verify-complete", WINDOW, "--json", *more)
    answer = json.loads(done.stdout)
    assert not done.stderr
    return done.returncode, answer["outcome"], {g["name"]: (g["status"], g["evidence"]) for g in answer["gates"]}


def test_complete_work_is_verified(run_script: RunScript, work: Path, home: Path) -> None:
    code, outcome, said = gates(run_script)
    assert (code, outcome) == (0, "verified"), said
    assert {status for status, _ in said.values()} == {"pass"}
    kept = json.loads((home / "state.json").read_text())["agents"][0]
    assert kept["verdict"]["outcome"] == "verified"
    assert kept["verdict"]["at"] > 0
    plain = run_script("verify-complete", work.name)
    assert plain.stdout.splitlines()[-1] == "verified"
    assert len(plain.stdout.splitlines()) == len(said) + 1


def move_remote(repo: GitRepo, path: Path) -> None:
    """Somebody else pushes to the branch."""
    repo.git("fetch", "-q", "origin")
    repo.git("checkout", "-q", "-b", "other", "origin/feat/x")
    repo.commit("elsewhere")
    repo.git("push", "-q", "origin", "other:feat/x")


def both_ways(repo: GitRepo, path: Path) -> None:
    move_remote(repo, path)
    repo.commit("here", cwd=path)


def merging(repo: GitRepo, path: Path) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("aside")
    repo.git("merge", "-q", "-s", "ours", "--no-commit", "--no-ff", "side", cwd=path)


@pytest.mark.parametrize(
    ("change", "gate", "words"),
    [
        (lambda repo, path: (path / "new\nfile").touch(), "clean", "uncommitted: new file: commit"),
        (lambda repo, path: (path / "work.txt").write_text("x"), "clean", "uncommitted: work.txt"),
        (lambda repo, path: repo.git("rm", "-q", "--cached", "work.txt", cwd=path), "clean", "uncommitted: work.txt"),
        (merging, "clean", "a merge is under way"),
        (lambda repo, path: repo.git("checkout", "-q", "-b", "feat/y", cwd=path), "branch", "found feat/y"),
        (lambda repo, path: repo.git("checkout", "-q", "--detach", cwd=path), "branch", "found a detached HEAD"),
        (lambda repo, path: repo.commit("more", cwd=path), "pushed", "1 commit ahead of origin: push"),
        (move_remote, "pushed", "1 commit behind origin: pull"),
        (both_ways, "pushed", "1 commit ahead of and 1 commit behind origin: pull, then push"),
        (lambda repo, path: repo.git("push", "-q", "origin", ":feat/x"), "pushed", "origin has no such branch"),
        (lambda repo, path: repo.git("commit", "-q", "--amend", "-m", "again", cwd=path), "pushed", "ahead of and"),
    ],
)  # fmt: skip
def test_work_that_is_not_complete_is_told_gate_by_gate(
    run_script: RunScript, git_repo: GitRepo, work: Path, change: Change, gate: str, words: str
) -> None:
    change(git_repo, work)
    code, outcome, said = gates(run_script)
    assert (code, outcome) == (3, "not_complete")
    assert said[gate][0] == "fail"
    assert words in said[gate][1]
    assert [name for name, (status, _) in said.items() if status == "fail"] == [gate]
    assert "\n" not in said[gate][1]


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        (lambda repo, path: repo.git("remote", "set-url", "origin", "/nowhere.git"), "pushed"),
        (lambda repo, path: (path / ".git").write_text("gitdir: /nowhere\n"), "clean"),
        (lambda repo, path: path.rename(path.with_name("moved")), "branch"),
        (lambda repo, path: repo.git("remote", "rename", "origin", "a") + repo.git("remote", "add", "b", "/x") +
         repo.git("config", "--unset", "branch.feat/x.remote"), "pushed"),
    ],
    ids=["no remote there", "a .git that leads nowhere", "no worktree there", "two remotes and none set"],
)  # fmt: skip
def test_what_cannot_be_measured_is_unknown(
    run_script: RunScript, git_repo: GitRepo, work: Path, change: Change, gate: str
) -> None:
    change(git_repo, work)
    code, outcome, said = gates(run_script)
    assert (code, outcome) == (1, "unknown")
    assert said[gate][0] == "unknown"


def test_what_a_gates_own_function_cannot_find_out_is_unknown(run_script: RunScript, home: Path, work: Path) -> None:
    queue = home / ".local" / "state" / "fleetscripts" / "test-queue" / "queue.json"
    queue.parent.mkdir(parents=True)
    queue.write_text("[]")
    code, outcome, said = gates(run_script)
    assert (code, outcome, said["pr_test"][0]) == (1, "unknown", "unknown")
    assert "is damaged and was left as it is" in said["pr_test"][1]


@pytest.mark.parametrize("field", [{"worktree_path": ""}, {"branch": ""}])
def test_a_record_without_its_essentials_is_unknown(run_script: RunScript, home: Path, work: Path, field: Any) -> None:
    record(home, work, **field)
    assert gates(run_script)[:2] == (1, "unknown")


def test_a_remote_that_is_not_there_and_was_not_recorded_at_spawn_is_not_believed(
    run_script: RunScript, git_repo: GitRepo, work: Path, home: Path
) -> None:
    git_repo.git("remote", "remove", "origin")
    code, _, said = gates(run_script)
    assert code == 1
    assert said["pushed"][0] == "unknown"
    assert said["pushed"][1].startswith("not pushed anywhere: the repository has no remote now")
    record(home, work, pr_number="7")
    assert gates(run_script)[2]["pushed"][0] == "fail"
    record(home, work, top={"repo": "owner/name"})
    assert gates(run_script)[2]["pushed"][0] == "fail"


def test_a_branch_that_goes_to_another_remote_is_looked_for_there(
    run_script: RunScript, git_repo: GitRepo, work: Path
) -> None:
    git_repo.git("remote", "rename", "origin", "mine")
    git_repo.git("remote", "add", "origin", "/nowhere.git")
    assert gates(run_script)[0] == 0


@pytest.mark.parametrize(
    ("required", "reported", "status"),
    [(["a"], [], "fail"), (["a", "b"], ["b"], "fail"), ([], ["x"], "pass"), (["a", "a"], ["a", "z"], "pass")],
)
def test_every_required_step_needs_its_checkpoint(
    run_script: RunScript, work: Path, home: Path, required: list[str], reported: list[str], status: str
) -> None:
    record(home, work, steps=required, checkpoints=reported)
    code, _, said = gates(run_script)
    assert said["steps"][0] == status
    assert code == (3 if status == "fail" else 0)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("true", 0, "exit code 0"),
        ("exit 7", 3, "exit code 7"),
        ("echo it broke; exit 1", 3, "it broke"),
        ("no-such-program-here", 3, "exit code 127"),
        ("test -f work.txt && test -z \"$GH_TOKEN$CLAUDECODE\" && ! read line", 0, "exit code 0"),
        ("yes | head -c 5000000; echo the end; exit 2", 3, "the end"),
        ("kill -9 $$", 3, "exit code -9"),
        ("printf '\\033[31mred\\033[0m'; exit 1", 3, "red"),
        ("echo 'token: abcdef123456'; exit 1", 3, "[masked]"),
        ("sleep 600 & exit 0", 0, "exit code 0"),
        ("yes & exit 0", 0, "exit code 0"),
    ],
)  # fmt: skip
def test_the_verify_command_decides_by_its_exit_code(
    run_script: RunScript, work: Path, home: Path, command: str, code: int, words: str
) -> None:
    record(home, work, verify_command=command)
    done = run_script("verify-complete", WINDOW, "--json", env={"GH_TOKEN": "x", "CLAUDECODE": "1"}, timeout=20)
    said = {gate["name"]: gate["evidence"] for gate in json.loads(done.stdout)["gates"]}
    assert done.returncode == code, done.stdout
    assert words in said["verify_command"]
    assert "\x1b" not in done.stdout
    assert len(said["verify_command"]) < 600


def test_the_configured_command_stands_in_and_the_agents_own_comes_first(
    run_script: RunScript, work: Path, home: Path
) -> None:
    (home / "fleet").mkdir()
    (home / "fleet" / "config.toml").write_text('verify_command = "exit 9"\nverify_timeout_seconds = 0.3\n')
    assert "exit code 9" in gates(run_script)[2]["verify_command"][1]
    record(home, work, verify_command="true")
    assert gates(run_script)[0] == 0
    record(home, work, verify_command="sleep 60")
    code, _, said = gates(run_script)
    assert code == 3
    assert "not done after 0.3 s" in said["verify_command"][1]


def test_commits_that_arrive_meanwhile_make_it_pending(run_script: RunScript, work: Path, home: Path) -> None:
    record(home, work, verify_command="git commit -q --allow-empty -m meanwhile")
    code, outcome, said = gates(run_script)
    assert (code, outcome) == (8, "pending"), said


def test_the_command_is_not_run_on_another_branch(
    run_script: RunScript, git_repo: GitRepo, work: Path, home: Path, tmp_path: Path
) -> None:
    record(home, work, verify_command=f"touch {tmp_path}/ran")
    git_repo.git("checkout", "-q", "-b", "feat/y", cwd=work)
    assert gates(run_script)[0] == 3
    assert not (tmp_path / "ran").exists()


def test_what_a_check_left_in_the_background_ends_with_it(tmp_path: Path) -> None:
    run = run_check("sleep 600 & echo $!", tmp_path, os.environ, 10)
    assert run.exit_code == 0
    wait_until(lambda: not Path(f"/proc/{int(run.output)}").exists() or "Z" in state(int(run.output)))


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_check_that_hangs_is_stopped_in_time(tmp_path: Path) -> None:
    before = time.monotonic()
    run = run_check("echo begun; trap '' TERM; while :; do sleep 1; done", tmp_path, os.environ, 0.5)
    assert (run.exit_code, run.output) == (None, "begun\n")
    assert time.monotonic() - before < 15


@pytest.mark.parametrize("target", [WINDOW, "spare-1"])
def test_a_recycled_agent_has_nothing_left_to_verify(
    run_script: RunScript, work: Path, home: Path, target: str
) -> None:
    record(home, work, state="recycled")
    done = run_script("verify-complete", target)
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, 1), ("{", 1), ('{"agents": []}', 1), ('{"agents": {}}', 1)],
)
def test_bad_state_is_one_line(run_script: RunScript, home: Path, content: str | None, code: int) -> None:
    if content is not None:
        (home / "state.json").write_text(content)
    done = run_script("verify-complete", WINDOW)
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("verify-complete: ")


def test_a_state_file_that_cannot_be_written_does_not_change_the_verdict(
    run_script: RunScript, work: Path, home: Path
) -> None:
    (home / "state.json.lock").mkdir()
    done = run_script("verify-complete", WINDOW)
    assert done.returncode == 0
    assert "was not recorded" in done.stderr


RESULTS = st.builds(GateResult, name=st.just("g"), status=st.sampled_from(GateStatus), evidence=st.just(""))


@given(st.lists(RESULTS).map(tuple))
def test_verified_means_that_there_are_gates_and_all_of_them_pass(results: tuple[GateResult, ...]) -> None:
    verdict = GateVerdict(results)
    all_pass = bool(results) and all(result.status is GateStatus.PASS for result in results)
    assert (verdict.outcome is Outcome.VERIFIED) == all_pass == (verdict.exit_code == 0)
    if any(result.status is GateStatus.FAIL for result in results):
        assert verdict.exit_code == 3
    assert bool(verdict.holding_back()) == any(result.status is not GateStatus.PASS for result in results)


REMOTES = st.builds(
    RemoteEvidence,
    remote=st.none() | st.just("origin"),
    expected=st.booleans(),
    exists=st.booleans(),
    ahead=st.integers(0, 2),
    behind=st.integers(0, 2),
    problem=st.sampled_from(["", "no answer"]),
)


@given(REMOTES)
def test_pushed_passes_only_for_equal_commits_or_where_no_remote_was_recorded(remote: RemoteEvidence) -> None:
    equal = remote.remote is not None and remote.exists and not remote.ahead and not remote.behind
    nowhere = remote.remote is None and not remote.expected and remote.recorded
    assert (pushed(remote, "abc").status is GateStatus.PASS) == (not remote.problem and (equal or nowhere))


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_steps_pass_when_none_is_missing(required: list[str], reported: list[str]) -> None:
    assert (steps(required, reported).status is GateStatus.PASS) == set(required).issubset(reported)
