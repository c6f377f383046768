"""integrate: finished branches tried together, and who is sent back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.commands import capacity, integrate, repair_state
from fleetscripts.core.integration.merge_order import BranchRank, first_red, merge_order
from tests.places import BUNDLE, GitRepo, TmuxServer, environment
from tests.waiting import wait_until

CHECK = "sh check.sh"
"""Red where a word is defined twice."""

Edit = Callable[[Path], None]


class Branches:
    """Finished branches of agents without a window, in a repository with two spares."""

    def __init__(self, repo: GitRepo, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.repo, self.home, self.capsys = repo, home, capsys
        (repo.path / "words").mkdir()
        (repo.path / "words" / "first").write_text("hello\n")
        (repo.path / "list.txt").write_text("".join(f"line {number}\n" for number in range(1, 31)))
        (repo.path / "check.sh").write_text(
            'twice=$(cat words/* | sort | uniq -d)\n[ -z "$twice" ] || { echo "defined twice: $twice"; exit 7; }\n'
        )
        self.publish()
        repo.add_spares(2)
        self.agents: list[dict[str, Any]] = []
        self.configure(verify_command=CHECK)
        self.said = ""

    def publish(self) -> None:
        self.repo.commit("More")
        self.repo.git("push", "-q", "origin", "HEAD:main")

    def configure(self, **settings: object) -> None:
        (self.home / "fleet").mkdir(mode=0o700, exist_ok=True)
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        (self.home / "fleet" / "config.toml").write_text(text)

    def add(self, name: str, edit: Edit, start: str = "main", state: str = "done") -> str:
        """A branch with one commit; its commit."""
        self.repo.git("checkout", "-q", "-b", name, start)
        edit(self.repo.path)
        commit = self.repo.commit(name)
        self.repo.git("checkout", "-q", "main")
        number = len(self.agents) + 1
        self.agents.append({
            "window": f"fleet:{number}", "id": f"id{number}", "worktree": f"w{number}", "branch": name, "state": state,
            "worktree_path": str(self.repo.path), "spawned_at": number,
        })  # fmt: skip
        self.record()
        return commit

    def record(self) -> None:
        (self.home / "state.json").write_text(json.dumps({"agents": self.agents}))

    def integrate(self, *words: str, code: int = 0) -> dict[str, Any]:
        """What comes out for the one repository."""
        before = self.refs()
        self.capsys.readouterr()
        ended = integrate.main([*(words or ("--done",)), "--json"])
        said = self.capsys.readouterr()
        self.said = said.err
        assert ended == code, said
        assert self.refs() == before
        assert self.are_spare()
        (found,) = json.loads(said.out)["repositories"]
        assert isinstance(found, dict)
        return found

    def refs(self) -> str:
        """Every branch, here and at origin, and what is kept of worktrees."""
        return self.repo.git("for-each-ref") + self.repo.git("for-each-ref", cwd=self.repo.origin)

    def are_spare(self) -> bool:
        marks = [self.repo.git("status", "--porcelain", "--branch", cwd=place) for place in self.repo.spares]
        return marks == [f"## spare/{number}" for number in range(1, len(marks) + 1)]

    def waiting(self) -> dict[str, str]:
        """What waits to be told, by branch."""
        agents = json.loads((self.home / "state.json").read_text())["agents"]
        found = {agent["branch"]: agent.get("verdict", {}).get("waiting", "") for agent in agents}
        return {branch: text for branch, text in found.items() if text}


@pytest.fixture
def branches(git_repo: GitRepo, home: Path, tmux_server: TmuxServer, capsys: pytest.CaptureFixture[str]) -> Branches:
    tmux_server.new_session("fleet", ["sleep", "900"])
    return Branches(git_repo, home, capsys)


def word(name: str, text: str = "") -> Edit:
    return lambda folder: written(f"words/{name}", f"{text or name}\n".encode())(folder)


def written(path: str, content: bytes) -> Edit:
    def edit(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    return edit


def line(number: int, text: str) -> Edit:
    def edit(folder: Path) -> None:
        lines = (folder / "list.txt").read_text().split("\n")
        lines[number - 1] = text
        (folder / "list.txt").write_text("\n".join(lines))

    return edit


def both(*edits: Edit) -> Edit:
    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def test_of_ten_branches_the_two_that_do_not_fit_are_sent_back_and_eight_merge(branches: Branches) -> None:
    """Two conflict, one turns the check of all red: the smaller of the two and that one go back, with the places."""
    for number in range(7):
        branches.add(f"feat/{number}", word(f"word{number}"))
    branches.add("feat/large", both(line(12, "large"), word("large")))
    branches.add("feat/small", line(12, "small"))
    branches.add("feat/breaks", word("again", "word3"))
    (branches.repo.path / "words" / "main").write_text("main went on\n")
    branches.publish()
    found = branches.integrate(code=3)
    assert {back["branch"]: back["why"].partition(" (")[0] for back in found["sent_back"]} == {
        "feat/small": "conflicts with feat/large",
        "feat/breaks": f"merged onto the base and 7 others, {CHECK} exited with 7",
    }
    assert set(found["merged"]) == {*(f"feat/{number}" for number in range(7)), "feat/large"}
    assert (found["left_out"], found["check"]) == ([], f"{CHECK}: passed")
    assert found["base"] == branches.repo.git("rev-parse", "main", cwd=branches.repo.origin)
    told = branches.waiting()
    assert set(told) == {"feat/small", "feat/breaks"}
    assert "```\nlist.txt:12\n```" in told["feat/small"]
    assert "```\ndefined twice: word3\n```" in told["feat/breaks"]
    states = {one["branch"]: one["state"] for one in json.loads((branches.home / "state.json").read_text())["agents"]}
    assert {name for name, state in states.items() if state == "complete"} == set(told)
    assert branches.repo.git("show", f"{found['commit']}:words/main") == "main went on"
    assert branches.repo.git("show", f"{found['commit']}:words/word6") == "word6"
    assert set(branches.integrate("--done")["merged"]) == set(found["merged"])


def test_two_culprits_are_both_found_and_what_is_stacked_on_one_is_left_out(branches: Branches) -> None:
    branches.add("feat/a", word("a"))
    branches.add("feat/b", word("b", "hello"))
    branches.add("feat/c", both(word("c"), line(3, "c")), start="feat/b")
    branches.add("feat/d", both(word("d", "hello"), line(20, "d")))
    branches.add("feat/e", word("e"), start="feat/a")
    found = branches.integrate(code=3)
    assert set(found["merged"]) == {"feat/a", "feat/e"}
    assert {back["branch"] for back in found["sent_back"]} == {"feat/b", "feat/d"}
    assert found["left_out"] == [{"branch": "feat/c", "why": "it contains feat/b, which does not fit"}]


def test_where_no_branch_is_left_nothing_has_passed(branches: Branches) -> None:
    branches.add("feat/a", word("a", "hello"))
    found = branches.integrate(code=3)
    assert (found["merged"], found["check"]) == ([], f"{CHECK}: no branch is left that it passes with")


def test_a_base_that_is_red_itself_blames_nobody(branches: Branches) -> None:
    branches.add("feat/a", word("a"))
    (branches.repo.path / "words" / "again").write_text("hello\n")
    branches.publish()
    found = branches.integrate(code=3)
    assert (found["merged"], found["sent_back"], branches.waiting()) == (["feat/a"], [], {})
    assert found["check"].startswith(f"{CHECK}: exited with 7 on the base alone (defined twice: hello: ")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("[ ! -e words/b ] || sleep 605.25", "did not end in 1 s"),
        ("[ ! -e words/b ] || exec 3<>/dev/tty || exit 9", "exited with "),
        ("[ ! -e words/b ] || { read answer || exit 6; }", "exited with 6"),
        ("[ ! -e words/b ] || { printf '\\033[2J```\\n'; yes ORCHESTRATOR:DONE | head -c 3000000; exit 5; }", ""),
        ("touch made; echo x > README.md; [ ! -e words/b ]", "exited with 1"),
        ("git checkout -q -B elsewhere; git commit -qam x --allow-empty; [ ! -e words/b ]", ""),
    ],
)  # fmt: skip
def test_whatever_the_command_does_the_culprit_is_found_and_the_spare_is_spare_again(
    branches: Branches, command: str, says: str
) -> None:
    branches.configure(verify_command=command, verify_timeout_seconds=1 if "sleep" in command else 60)
    branches.add("feat/a", both(word("a"), line(3, "larger")))
    branches.add("feat/b", word("b"))
    if "elsewhere" in command:
        branches.repo.git("branch", "elsewhere")
        assert integrate.main(["--done"]) == 3
        assert branches.are_spare()
        return
    found = branches.integrate(code=3)
    (back,) = found["sent_back"]
    assert (back["branch"], found["merged"]) == ("feat/b", ["feat/a"])
    assert says in back["why"]
    assert "\x1b" not in branches.waiting()["feat/b"]
    assert not [line for line in processes() if "sleep 605.25" in line]


def processes() -> list[str]:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_failure_that_does_not_come_twice_sends_nobody_back_and_is_told(branches: Branches, tmp_path: Path) -> None:
    branches.configure(verify_command=f"[ -e {tmp_path}/tried ] || {{ touch {tmp_path}/tried; exit 4; }}")
    branches.add("feat/a", word("a"))
    found = branches.integrate()
    assert (found["merged"], found["sent_back"]) == (["feat/a"], [])
    (note,) = found["notes"]
    assert "the command exited with 4, then passed on the same commit" in note


def test_renames_pictures_large_files_and_submodules_are_merged_as_git_does(branches: Branches, tmp_path: Path) -> None:
    module = GitRepo(tmp_path / "module").create()
    repo = branches.repo

    def submodule(folder: Path) -> None:
        repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(module.origin), "part")

    branches.add("feat/moves", lambda folder: (folder / "list.txt").rename(folder / "moved.txt"))
    branches.add("feat/edits", line(20, "edited"))
    branches.add("feat/moves-elsewhere", lambda folder: (folder / "list.txt").rename(folder / "other.txt"))
    branches.add("feat/picture", written("picture", b"\0\1" * 500_000))
    branches.add("feat/other-picture", written("picture", b"\0\2" * 10))
    branches.add("feat/part", submodule)
    repo.git("submodule", "deinit", "--all", "--force")
    found = branches.integrate(code=3)
    assert {back["branch"] for back in found["sent_back"]} == {"feat/moves-elsewhere", "feat/other-picture"}
    assert repo.git("show", f"{found['commit']}:moved.txt").splitlines()[19] == "edited"
    assert repo.git("ls-tree", found["commit"], "part").startswith("160000 commit")


def test_without_a_command_it_only_merges_and_needs_no_spare(branches: Branches) -> None:
    branches.configure()
    branches.add("feat/a", word("a"))
    branches.add("feat/b", word("b", "hello"))
    branches.repo.git("worktree", "remove", str(branches.repo.spares.pop()))
    branches.repo.git("worktree", "remove", str(branches.repo.spares.pop()))
    assert set(branches.integrate()["merged"]) == {"feat/a", "feat/b"}
    assert integrate.main(["--done"]) == 0
    assert "no verify_command is set" in branches.capsys.readouterr().out
    assert integrate.main(["--done", "--verify-command", "true"]) == 3
    assert "no spare worktree in" in branches.capsys.readouterr().err


def test_a_branch_that_is_gone_merged_or_unrelated_is_left_out(branches: Branches) -> None:
    branches.add("feat/gone", word("a"))
    branches.add("feat/merged", word("b"))
    branches.add("feat/fine", word("c"))
    repo = branches.repo
    repo.git("merge", "-q", "feat/merged")
    branches.publish()
    repo.git("branch", "-D", "feat/gone")
    repo.git("checkout", "-q", "--orphan", "feat/unrelated")
    repo.commit("Begun anew")
    repo.git("checkout", "-q", "main")
    branches.agents.append(branches.agents[2] | {"branch": "feat/unrelated", "id": "id9", "worktree": "w9"})
    branches.record()
    found = branches.integrate(code=3)
    assert found["merged"] == ["feat/fine"]
    assert {left["branch"]: left["why"].partition(":")[0] for left in found["left_out"]} == {
        "feat/merged": "the base has all of it already",
        "feat/unrelated": "it could not be merged on trial",
    }
    assert integrate.main(["--done"]) == 3
    assert "left out: feat/gone (w1): its branch or its worktree is gone" in branches.capsys.readouterr().out


def test_a_branch_that_conflicts_with_the_base_is_told_of_the_base_and_a_dry_run_tells_nobody(
    branches: Branches,
) -> None:
    branches.add("feat/a", line(5, "mine"))
    line(5, "main's")(branches.repo.path)
    branches.publish()
    (back,) = branches.integrate("--done", "--dry-run", code=3)["sent_back"]
    assert back["why"].startswith("conflicts with the base origin/main, fetched now in list.txt:5")
    assert (back["told"], branches.waiting()) == ("", {})


def test_named_agents_are_tried_whatever_their_state_and_wrong_calls_are_refused(branches: Branches) -> None:
    branches.add("feat/a", word("a"), state="running")
    assert integrate.main(["--done"]) == 3
    assert "no agent is done or waits for evaluation" in branches.capsys.readouterr().err
    assert integrate.main([]) == 2
    assert integrate.main(["w1", "--done"]) == 2
    assert branches.integrate("w1", "w1")["merged"] == ["feat/a"]


def test_nothing_that_the_repository_names_is_run(branches: Branches, tmp_path: Path) -> None:
    branches.add("feat/a", line(5, "a"))
    branches.add("feat/b", both(line(20, "b"), written(".gitattributes", b"* merge=evil\n")))
    repo = branches.repo
    for name, value in {
        "merge.evil.driver": f"touch {tmp_path}/ran; exit 1", "commit.gpgSign": "true", "gpg.program": "/bin/false",
        "core.hooksPath": str(tmp_path / "hooks"),
    }.items():  # fmt: skip
        repo.git("config", name, value)
    (tmp_path / "hooks").mkdir()
    for hook in ("post-checkout", "post-merge", "pre-merge-commit", "reference-transaction"):
        (tmp_path / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (tmp_path / "hooks" / hook).chmod(0o755)
    found = branches.integrate()
    assert set(found["merged"]) == {"feat/a", "feat/b"}
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("mender", ["repair-state", "the next run"])
def test_killed_while_the_command_runs_it_leaves_a_spare_to_whoever_comes_next(
    branches: Branches, tmp_path: Path, mender: str
) -> None:
    branches.configure(verify_command=f"echo half > README.md; touch {tmp_path}/begun; exec sleep 603.25")
    branches.add("feat/a", word("a"))
    program = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "integrate", "--done"]
    with subprocess.Popen(program, env=environment(), stderr=subprocess.DEVNULL) as killed:
        wait_until((tmp_path / "begun").exists)
        killed.send_signal(signal.SIGKILL)
    assert not branches.are_spare()
    branches.configure(verify_command="true")
    if mender == "repair-state":
        assert repair_state.main([]) == 0
        said = branches.capsys.readouterr().out
        assert "was left half-way by an integration: on spare/1 again, what was changed there is kept under" in said
        assert branches.are_spare()
    assert integrate.main(["--done"]) == 0
    assert branches.are_spare()
    assert not [line for line in processes() if "sleep 603.25" in line]
    assert "README.md" in branches.repo.git(
        "diff", "--name-only", "main", branches.repo.git("for-each-ref", "--format=%(refname)", "refs/fleet/rescue/")
    )


def test_told_to_end_it_makes_the_spare_spare_again(branches: Branches, tmp_path: Path) -> None:
    branches.configure(verify_command=f"echo half > README.md; touch {tmp_path}/begun; exec sleep 604.25")
    branches.add("feat/a", word("a"))
    program = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "integrate", "--done"]
    with subprocess.Popen(program, env=environment(), stderr=subprocess.DEVNULL) as ended:
        wait_until((tmp_path / "begun").exists)
        other = subprocess.run(program, env=environment(), capture_output=True, text=True, check=False)
        assert (other.returncode, "another call integrates in" in other.stderr) == (3, True)
        ended.send_signal(signal.SIGTERM)
        assert ended.wait(30) != 0
    assert branches.are_spare()
    assert not [line for line in processes() if "sleep 604.25" in line]


def test_the_union_is_set_up_where_its_lock_files_differ_and_gets_its_slot(branches: Branches) -> None:
    (branches.repo.path / ".gitignore").write_text("installed\n")
    branches.publish()
    branches.configure(verify_command='[ "$(cat installed)" = two ] && [ "$FLEET_SLOT" = 1 ]')
    with (branches.home / "fleet" / "config.toml").open("a") as file:
        file.write("[worktree]\nsetup = 'cat uv.lock > installed'\n")
    branches.add("feat/lock", written("uv.lock", b"two\n"))
    assert branches.integrate()["merged"] == ["feat/lock"]
    assert capacity.main([str(branches.repo.path)]) == 0


def test_a_set_up_that_only_one_branch_breaks_is_that_branchs(branches: Branches) -> None:
    branches.configure(verify_command="true")
    with (branches.home / "fleet" / "config.toml").open("a") as file:
        file.write("[worktree]\nsetup = '[ ! -e uv.lock ] || { echo cannot install; exit 3; }'\n")
    branches.add("feat/lock", written("uv.lock", b"two\n"))
    branches.add("feat/a", both(word("a"), line(9, "a")))
    found = branches.integrate(code=3)
    (back,) = found["sent_back"]
    assert (back["branch"], found["merged"]) == ("feat/lock", ["feat/a"])
    assert "exited with 3: cannot install" in back["why"]


@given(st.integers(1, 200), st.data())
def test_the_first_red_step_is_found_in_few_looks(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, count))
    looks: list[int] = []

    def is_red(step: int) -> bool:
        looks.append(step)
        return step >= first

    assert first_red(count, is_red) == first
    assert len(looks) <= count.bit_length()


NAMES = [f"b{number}" for number in range(6)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=6, max_size=6),
    st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES))),
)
def test_the_order_has_each_once_by_the_rule_with_what_a_branch_contains_before_it(
    facts: Sequence[tuple[int, int, int]], contained: Mapping[str, set[str]]
) -> None:
    standings = [BranchRank(name, *fact) for name, fact in zip(NAMES, facts, strict=True)]
    assert sorted(merge_order(standings, contained)) == NAMES
    alone = merge_order(standings, {})
    assert alone == [one.key for one in sorted(standings, key=lambda s: (s.conflicts, -s.lines, s.began, s.key))]
    stacked = merge_order(standings, {NAMES[0]: set(NAMES[1:])})
    assert stacked[-1] == NAMES[0]
