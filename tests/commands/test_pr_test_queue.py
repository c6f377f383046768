"""test-queue, as it is called: one test at a time whoever dies, in order, and only verdicts count."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.pr_testing import results
from fleetscripts.core.pr_testing.prompt import full_context
from fleetscripts.core.pr_testing.queue import Entry, Queue
from fleetscripts.core.pr_testing.results import PrTestResult, Scenario, in_output_line, merged, scenario
from fleetscripts.errors import NotYet
from fleetscripts.services.context import load_fleet
from fleetscripts.services.pr_testing.queue import PrTestQueue
from fleetscripts.services.pr_testing.turn import LeaseOwner
from tests.conftest import RunScript
from tests.fake_github.hub import Branches, Work, branches
from tests.places import environment
from tests.queue_place import MAIN, client, configure, events, in_process, kept, queue_file
from tests.waiting import wait_until

SLOW = {"name": "slow", "status": "IN_PROGRESS"}
PASSES = ("S1=PASS", "S2 (Apply button)=PASS")

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")


@pytest.fixture
def run_script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunScript:
    return in_process(capsys, monkeypatch)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Branches:
    """Made once: no test changes it."""
    return branches(tmp_path_factory.mktemp("hub") / "git", 3)


@pytest.fixture
def work(pushed: Branches, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Three agents with pull requests 11, 12 and 13 of acme/widget; nobody answers for GitHub yet."""
    made = pushed.work(home, tmp_path / "gh.sock")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("FLEET_TMUX_SOCKET", "nobody")
    configure(home)
    return made


def add(run_script: RunScript, *windows: str) -> None:
    for window in windows:
        done = run_script("test-queue", "add", window)
        assert done.returncode == 0, done.stderr


def test_the_one_furthest_along_is_tested_first_and_unknown_ones_last(
    work: Work, run_script: RunScript, home: Path
) -> None:
    with work.serve({11: {"checks": [SLOW, SLOW | {"name": "b"}]}, 12: {"checks": [SLOW]}, 13: {}}) as world:
        add(run_script, "fleet:1", "fleet:2", "fleet:3")
        assert [entry["pending"] for entry in kept(home)["entries"]] == [2, 1, 0]
        world.requests = 0
        first = run_script("test-queue", "next")
        assert (first.returncode, first.stdout) == (0, "/pr-test https://github.com/acme/widget/pull/13\n")
        assert world.requests == 1
    shown = json.loads(run_script("test-queue", "list", "--json").stdout)
    assert shown["order"] == ["acme/widget#12", "acme/widget#11"]
    rows = run_script("test-queue", "list").stdout.splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["acme/widget#13", "acme/widget#12", "acme/widget#11"]
    assert queue_file(home).stat().st_mode & 0o777 == 0o600


def test_github_that_does_not_answer_keeps_nobody_from_queueing(work: Work, run_script: RunScript, home: Path) -> None:
    add(run_script, "fleet:2", "fleet:1")
    assert [entry.get("pending") for entry in kept(home)["entries"]] == [None, None]
    assert "pull/12" in run_script("test-queue", "next").stdout
    again = run_script("test-queue", "add", "fleet:1", "--verify", "the button appears")
    assert "acme/widget#11 (fleet:1): 1 of 1 in the queue, pending checks not known" in again.stdout
    twice = run_script("test-queue", "add", "fleet:2")
    assert (twice.returncode, "is under test now" in twice.stderr) == (3, True)


def test_an_agent_without_a_pull_request_cannot_be_queued(work: Work, run_script: RunScript) -> None:
    work.record(pr_number="")
    done = run_script("test-queue", "add", "fleet:1")
    assert done.returncode == 2
    assert "update-agent WINDOW pr_number=N" in done.stderr
    empty = run_script("test-queue", "next")
    assert (empty.returncode, "nothing waits" in empty.stderr) == (3, True)


def test_only_one_client_has_the_turn_until_it_reports_or_dies(
    work: Work, run_script: RunScript, home: Path, tmp_path: Path
) -> None:
    add(run_script, "fleet:1", "fleet:2")
    with client(tmp_path / "a") as one, client(tmp_path / "b") as two:
        assert one.call("test-queue", "next")[:2] == (0, "/pr-test https://github.com/acme/widget/pull/11")
        assert one.call("test-queue", "next")[:2] == (0, "/pr-test https://github.com/acme/widget/pull/11")
        code, _, err = two.call("test-queue", "next")
        assert (code, f"by claude (pid {one.process.pid})" in err) == (8, True)
        code, _, err = two.call("test-queue", "done", "fleet:1", "S1=PASS")
        assert (code, "not by this caller" in err) == (3, True)
        code, _, err = two.call("test-queue", "done", "fleet:2", "S1=PASS")
        assert (code, "a test beside it does not count" in err) == (3, True)
        one.process.kill()
        one.process.wait()
        code, said, _ = two.call("test-queue", "next")
        assert code == 0
        assert said.startswith(
            "/pr-test https://github.com/acme/widget/pull/11\nContext: This PR implements Write work1"
        )
        assert "Key files: work1.txt." in said
    assert kept(home)["entries"][0]["attempts"] == 2
    assert "went away without a result" in events(home, "test-lost")[0]["why"]


def test_of_many_that_ask_at_once_one_gets_the_turn(work: Work, run_script: RunScript, tmp_path: Path) -> None:
    add(run_script, "fleet:1")
    keeping = [sys.executable, "-I", MAIN, "test-queue", "next"]
    shells = []
    for number in range(4):
        program = tmp_path / f"c{number}" / "claude"
        program.parent.mkdir()
        program.symlink_to("/bin/sh")
        line = " ".join(f"'{word}'" for word in keeping)
        shells.append(
            subprocess.Popen(
                [str(program), "-c", f"{line} 2>/dev/null; echo END $?; read x"],
                env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
    codes = []
    for shell in shells:
        assert shell.stdout is not None
        codes.append(next(int(line.split()[1]) for line in shell.stdout if line.startswith("END ")))
    for shell in shells:
        shell.communicate("\n")
    assert sorted(codes) == [0, 8, 8, 8]


def test_where_no_client_can_be_watched_time_limits_the_turn(work: Work, home: Path, run_script: RunScript) -> None:
    configure(home, lease_seconds=1.5)
    add(run_script, "fleet:1")
    queue = PrTestQueue(load_fleet(os.environ)[0], os.environ)
    _, lease = queue.take(LeaseOwner("somebody"))
    assert lease.until > 0
    with pytest.raises(NotYet, match="at most until"):
        queue.take(LeaseOwner("another"))
    wait_until(lambda: time.time() > lease.until, 15)
    assert queue.take(LeaseOwner("another"))[0].attempts == 2


def test_as_many_are_tested_at_once_as_slots_are_said_to_isolate(work: Work, home: Path, run_script: RunScript) -> None:
    configure(home, parallel=2)
    refused = run_script("test-queue", "next")
    assert (refused.returncode, "2 at once need slots: add [worktree]" in refused.stderr) == (2, True)
    with (home / "fleet" / "config.toml").open("a") as file:
        file.write("\n[worktree]\n")
    add(run_script, "fleet:1", "fleet:2", "fleet:3")
    queue = PrTestQueue(load_fleet(os.environ)[0], os.environ)
    first, one = queue.take(LeaseOwner("somebody"))
    assert [entry.number for entry in queue.read().waiting()] == [12, 13]
    _, two = queue.take(LeaseOwner("another"))
    with pytest.raises(NotYet, match="2 tests run at a time on this machine"):
        queue.take(LeaseOwner("a third"))
    assert [lease.run_id for lease in queue.read().leases] == [one.run_id, two.run_id]
    assert [lease["run_id"] for lease in kept(home)["more_leases"]] == [two.run_id]
    rows = run_script("test-queue", "list").stdout.splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["acme/widget#11", "acme/widget#12", "acme/widget#13"]
    queue.change(lambda known: known.released(str(first.key), "given back"))
    with pytest.raises(NotYet, match=r"acme/widget#12 is under test"):
        queue.take(LeaseOwner("a third"), "acme/widget#12")
    assert queue.take(LeaseOwner("a third"), "acme/widget#13")[0].number == 13


@pytest.mark.parametrize(
    "answer",
    [["looks good"], ["all scenarios PASS"], ["S1=MAYBE"], ["S1=PASS", "S5=PARTIAL"], ["S1=PASS", "S5=FAIL: "], [""]],
)
def test_a_vague_answer_is_asked_again_with_the_full_context(
    work: Work, run_script: RunScript, home: Path, tmp_path: Path, answer: list[str]
) -> None:
    assert run_script("test-queue", "add", "fleet:1", "--verify", "the file says done").returncode == 0
    with client(tmp_path / "a") as one:
        one.call("test-queue", "next")
        code, said, err = one.call("test-queue", "done", "fleet:1", *answer)
        assert (code, "no verdict on a scenario" in err) == (3, True)
        assert said.splitlines() == [
            "/pr-test https://github.com/acme/widget/pull/11",
            "Context: This PR implements Write work1.txt. Key files: work1.txt.",
            "Please verify: the file says done.",
            said.splitlines()[-1],
        ]
        assert "=PARTIAL:" in said.splitlines()[-1]
        assert one.call("test-queue", "next")[1] == said
    assert kept(home)["outcomes"] == []
    assert work.agent()["state"] == "complete"


def finish(run_script: RunScript, window: str, *verdicts: str) -> subprocess.CompletedProcess[str]:
    add(run_script, window)
    return run_script("test-queue", "done", window, *verdicts)


def test_when_all_pass_and_every_gate_holds_it_goes_to_evaluation(
    work: Work, run_script: RunScript, home: Path
) -> None:
    with work.serve({11: {}, 12: {"checks": [SLOW]}}):
        good = finish(run_script, "fleet:1", *PASSES)
        slow = finish(run_script, "fleet:2", *PASSES)
    assert (good.returncode, work.agent(0)["state"]) == (0, "pending_evaluation"), good.stderr
    assert "all 2 scenarios of /pr-test pass, it waits for evaluation" in good.stdout
    assert (slow.returncode, work.agent(1)["state"]) == (0, "complete")
    assert "before evaluation there is still: checks pending" in slow.stdout
    assert [outcome["told"] for outcome in kept(home)["outcomes"]] == [True, True]
    work.record(state="running")
    early = finish(run_script, "fleet:3", *PASSES)
    assert (early.returncode, work.agent(2)["state"]) == (0, "running")
    assert "it is running: evaluation follows its DONE and the gates" in early.stdout


def test_an_agent_that_cannot_be_told_keeps_its_results_and_is_not_verified(
    work: Work, run_script: RunScript, home: Path
) -> None:
    work.record(state="pending_evaluation")
    with work.serve({11: {}}):
        done = finish(run_script, "fleet:1", "S1=PASS", "S5 (Apply button)=PARTIAL: never appeared")
        assert (done.returncode, "was not told" in done.stderr) == (8, True), done.stderr
        assert (
            "1 of 2 do not pass: S5 (Apply button)=PARTIAL: never appeared; its agent is NOT TOLD yet"
            in run_script("test-queue", "list").stdout
        )
        later = run_script("test-queue", "done", "fleet:1")
        assert (later.returncode, "was not told" in later.stderr) == (8, True)
        judged = run_script("verify-complete", "fleet:1")
        assert judged.returncode == 3, judged.stdout
        assert "pr_test: 1 of 2 do not pass: S5 (Apply button)=PARTIAL: never appeared" in judged.stdout
        refused = run_script("evaluate", "fleet:1", "--pass", "good enough")
        assert (refused.returncode, "pr_test fail" in refused.stderr) == (3, True)
        accepted = run_script(
            "evaluate", "fleet:1", "--pass", "good", "--override", "pr_test", "the button is not ours"
        )
        assert accepted.returncode == 0, accepted.stderr
    assert work.agent()["state"] == "done"


def test_a_new_commit_makes_old_results_void(work: Work, run_script: RunScript, home: Path, tmp_path: Path) -> None:
    work = branches(tmp_path / "own", 1).work(home, work.socket)
    with work.serve({11: {}}):
        finish(run_script, "fleet:1", "S1=FAIL: nothing there")
        assert "pr_test" in run_script("verify-complete", "fleet:1").stdout
        work.repo.commit("Mend it", cwd=Path(work.agent()["worktree_path"]))
        assert "pr_test" not in run_script("verify-complete", "fleet:1").stdout


def test_an_agent_may_not_test_itself(work: Work, run_script: RunScript) -> None:
    add(run_script, "fleet:1")
    work.record(pane_id="%5")
    for call in (("next",), ("run",), ("done", "fleet:1", "S1=PASS"), ("drop", "fleet:1")):
        done = run_script("test-queue", *call, env={"TMUX_PANE": "%5"})
        assert (done.returncode, "agents do not" in done.stderr) == (3, True), call


def test_one_that_is_dropped_is_not_tested(work: Work, run_script: RunScript, home: Path) -> None:
    add(run_script, "fleet:1", "fleet:2")
    assert run_script("test-queue", "drop", "acme/widget#11").returncode == 0
    assert run_script("test-queue", "drop", "fleet:1").returncode == 1
    assert "pull/12" in run_script("test-queue", "next").stdout


def test_a_damaged_queue_is_left_as_it_is(work: Work, run_script: RunScript, home: Path) -> None:
    add(run_script, "fleet:1")
    for content in ("{", "[]", '{"entries": [{"window": 5}]}', '{"lease": {}}'):
        queue_file(home).write_text(content)
        for call in (("add", "fleet:1"), ("next",), ("list",)):
            done = run_script("test-queue", *call)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1), (content, done.stderr)
            assert "unexpected" not in done.stderr
        assert queue_file(home).read_text() == content


names = st.text(
    st.characters(blacklist_characters="=", blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60
)
scenarios = st.builds(
    Scenario,
    names.map(lambda n: " ".join(n.split())).filter(bool),
    st.sampled_from(PrTestResult),
    st.just("it is missing"),
).map(lambda s: s if s.result is not PrTestResult.PASS else Scenario(s.name, s.result))


@given(scenarios)
def test_a_verdict_is_read_back_as_it_was_written(one: Scenario) -> None:
    assert scenario(str(one)) == one


@given(st.lists(scenarios, max_size=8))
def test_the_worst_verdict_on_a_scenario_counts(found: list[Scenario]) -> None:
    kept_ones = merged(found)
    assert {one.name for one in kept_ones} == {one.name for one in found}
    assert results.all_pass(kept_ones) == (bool(found) and all(one.result is PrTestResult.PASS for one in found))


@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=4), st.lists(st.text(max_size=40), max_size=3))
def test_the_question_holds_no_answer(objective: str, files: list[str], behaviours: list[str]) -> None:
    asked = full_context("https://github.com/acme/widget/pull/1", objective.replace("=", ""), files, ["a"])
    assert [line for line in asked.splitlines() if in_output_line(line) is not None] == []
    assert len(asked.splitlines()) == 4


@given(st.lists(st.tuples(st.none() | st.integers(0, 3), st.integers(0, 3)), max_size=6))
def test_the_order_is_by_pending_checks_then_age_and_unknown_ones_are_last(facts: list[tuple[int | None, int]]) -> None:
    entries = tuple(
        Entry("github.com", "a", "b", number, pending=pending, added_at=at)
        for number, (pending, at) in enumerate(facts)
    )
    order = Queue(entries).waiting()
    assert sorted(order, key=lambda entry: entry.number) == list(entries)
    for one, two in pairwise(order):
        left, right = ((e.pending if e.pending is not None else 99, e.added_at) for e in (one, two))
        assert left <= right
