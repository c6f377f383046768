"""Taking spares: many takers at once, takers that fail, takers that are killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscripts.config import Settings, load_settings
from fleetscripts.errors import Refusal
from fleetscripts.services.worktrees.spares import claim, claim_next, free, survey
from tests.places import BUNDLE, GitRepo
from tests.waiting import wait_until

# One taker: takes the next spare, waits for the word, then branches and records its agent, as a spawn does.
TAKER = """
import os, subprocess, sys
from pathlib import Path
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import load_settings
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.services.worktrees.spares import claim_next
settings, number = load_settings(os.environ), sys.argv[2]
try:
    with claim_next(Path(sys.argv[1]), settings) as spare:
        print(spare.path, flush=True)
        if len(sys.argv) > 3:
            sys.stdin.read()
        subprocess.run(["git", "-C", str(spare.path), "checkout", "-q", "-b", f"feat/{number}"], check=True)
        agent = Agent(f"fleet:{number}", worktree_path=str(spare.path), spare_branch=spare.branch)
        Store(settings.state_file).update(lambda fleet: fleet.with_agent(agent), create=Fleet())
except FleetError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def settings() -> Settings:
    import os

    return load_settings(os.environ)


def taker(repo: Path, number: int, *more: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    argv = [sys.executable, "-c", TAKER, str(repo), str(number), *more]
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=BUNDLE)


def test_ten_takers_at_once_on_six_spares_six_get_one_each_and_four_are_told(
    git_repo: GitRepo, settings: Settings
) -> None:
    git_repo.add_spares(6)
    takers = [taker(git_repo.path, number) for number in range(10)]
    outputs = [process.communicate(timeout=60) for process in takers]
    codes = sorted(process.returncode for process in takers)
    assert codes == [0] * 6 + [3] * 4, outputs
    taken = [out.strip() for out, _ in outputs if out]
    assert len(set(taken)) == 6
    assert all("no spare worktree" in err for out, err in outputs if not out)
    assert {agent["worktree_path"] for agent in json.loads(settings.state_file.read_text())["agents"]} == set(taken)
    assert not list((settings.fleet_home / "claims").iterdir())


LATE = """
import os, sys
from pathlib import Path
from fleetscripts.adapters.records.store import Store
from fleetscripts.config import load_settings
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.services.worktrees.spares import claim_book, claim_next
settings, spare = load_settings(os.environ), sys.argv[2]
book = claim_book(settings)
book.write(spare, "spare/1")
reads = []
def taker_ends(event, arguments):
    if event not in ("os.listdir", "os.scandir") or str(arguments[0]) != str(book.folder):
        return
    reads.append(event)
    if len(reads) == 2:  # the first looks for what killed spawns have left
        agent = Agent("fleet:1", worktree_path=spare, spare_branch="spare/1")
        Store(settings.state_file).update(lambda fleet: fleet.with_agent(agent), create=Fleet())
        book.drop(spare)
sys.addaudithook(taker_ends)
try:
    with claim_next(Path(sys.argv[1]), settings) as taken:
        print(taken.path)
except FleetError as error:
    print(error, file=sys.stderr)
sys.exit(0 if len(reads) > 1 else 9)
"""
"""Another taker writes its record and ends its claim at the very moment at which the claims are read."""


def test_a_spare_whose_taker_ends_while_the_claims_are_read_is_not_taken_again(
    git_repo: GitRepo, settings: Settings
) -> None:
    [spare] = git_repo.add_spares(1)
    argv = [sys.executable, "-c", LATE, str(git_repo.path), str(spare)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=BUNDLE, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, "no spare worktree" in done.stderr) == ("", True), done.stdout


def test_a_spare_that_is_being_taken_is_in_use_and_free_again_when_its_taker_is_killed(
    git_repo: GitRepo, settings: Settings
) -> None:
    git_repo.add_spares(1)
    process = taker(git_repo.path, 1, "wait")
    assert process.stdout
    process.stdout.readline()
    (place,) = [place for place in survey(git_repo.path, settings) if place.worktree.branch == "spare/1"]
    assert place.reason == f"being taken by process {process.pid}"
    with pytest.raises(Refusal, match="no spare worktree"), claim_next(git_repo.path, settings):
        pass
    process.kill()
    process.communicate()
    with claim_next(git_repo.path, settings) as spare:
        assert spare.branch == "spare/1"
    assert free(survey(git_repo.path, settings))


def test_a_taker_killed_after_it_branched_leaves_a_worktree_that_says_so(git_repo: GitRepo, settings: Settings) -> None:
    (path,) = git_repo.add_spares(1)
    process = taker(git_repo.path, 1, "wait")
    wait_until(lambda: list((settings.fleet_home / "claims").glob("*.json")))
    process.kill()
    process.communicate()
    git_repo.git("checkout", "-q", "-b", "feat/half", cwd=path)
    reason = next(place.reason for place in survey(git_repo.path, settings) if place.worktree.name == path.name)
    assert reason == "left half-way: recycle it to spare/1"


def test_a_taker_that_fails_gives_its_spare_back(git_repo: GitRepo, settings: Settings) -> None:
    git_repo.add_spares(1)
    with pytest.raises(RuntimeError), claim_next(git_repo.path, settings):
        raise RuntimeError
    assert free(survey(git_repo.path, settings))


def test_a_named_worktree_is_taken_only_when_it_is_free_and_on_that_branch(
    git_repo: GitRepo, settings: Settings
) -> None:
    first, second = git_repo.add_spares(2)
    with claim(first, "spare/1", settings) as spare:
        assert (spare.path, spare.branch) == (first, "spare/1")
        with pytest.raises(Refusal, match="is not free: being taken"), claim(first, "spare/1", settings):
            pass
        with claim_next(git_repo.path, settings) as other:
            assert other.path == second
    with pytest.raises(Refusal, match=r"is on spare/1, expected spare/2"), claim(first, "spare/2", settings):
        pass
    with pytest.raises(Refusal, match="on branch main"), claim(git_repo.path, "spare/1", settings):
        pass
    (first / "dir").mkdir()
    with pytest.raises(Refusal, match="no worktree of its own"), claim(first / "dir", "spare/1", settings):
        pass


def test_a_claim_file_that_makes_no_sense_is_passed_over(git_repo: GitRepo, settings: Settings) -> None:
    git_repo.add_spares(1)
    folder = settings.fleet_home / "claims"
    folder.mkdir(parents=True)
    for number, text in enumerate(["", "[]", "{}", '{"path": 3}', '{"path": "/x", "pid": "y"}']):
        (folder / f"{number}.json").write_text(text)
    assert free(survey(git_repo.path, settings))
