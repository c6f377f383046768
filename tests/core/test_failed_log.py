"""What a re-brief holds of a failed check: the failed step and the end of its log, as data, once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.github.gh import Gh
from fleetscripts.adapters.github.github_budget import Budget
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.core.gates.failed_log import MOST_COLUMNS, MOST_LINES, MOST_STEPS, failed_steps
from tests.fake_github.scene import KEY
from tests.fake_github.server import World, serve

STAMP = "2026-11-20T10:00:00.1234567Z "

FORMS = [
    ("", []),
    (f"test\tRun tests\t{STAMP}boom\n", ["test / Run tests:\nboom"]),
    (f"test\tRun tests\t\ufeff{STAMP}boom\r\n", ["test / Run tests:\nboom"]),
    (f"test\tUNKNOWN STEP\t{STAMP}##[error]Process completed with exit code 1.", [
        "test / UNKNOWN STEP:\nProcess completed with exit code 1."]),
    (f"test\tRun\t{STAMP}\x1b[31mred\x1b[0m\n", ["test / Run:\nred"]),
    (f"test\tRun\t{STAMP}one\ttwo\nthree\n", ["test / Run:\none two\nthree"]),
    (f"a\tRun\t{STAMP}one\nb\tRun\t{STAMP}two\n", ["a / Run:\none", "b / Run:\ntwo"]),
    ("nothing that gh prints\n", []),
    (f"test\tRun\t{STAMP}\n", []),
    (f"test\tRun\t{STAMP}TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345\n", ["test / Run:\nTOKEN=[masked]"]),
]  # fmt: skip


@pytest.mark.parametrize(("printed", "shown"), FORMS)
def test_each_form_of_a_log_is_read(printed: str, shown: list[str]) -> None:
    assert [str(step) for step in failed_steps(printed)] == shown


def test_of_a_long_log_the_end_is_shown() -> None:
    printed = "".join(f"test\tRun {n // 500}\t{STAMP}line {n} {'x' * 900}\n" for n in range(5000))
    steps = failed_steps(printed)
    assert [step.step for step in steps] == [f"Run {n}" for n in range(10 - MOST_STEPS, 10)]
    assert [len(step.lines) for step in steps] == [MOST_LINES] * MOST_STEPS
    assert steps[-1].lines[-1].startswith("line 4999 ")
    assert max(len(line) for step in steps for line in step.lines) <= MOST_COLUMNS


@given(st.text(alphabet=st.sampled_from("ab\t\n\r\x1b[#`Z:-0123456789 "), max_size=300))
def test_whatever_is_printed_is_bounded(printed: str) -> None:
    steps = failed_steps(printed)
    assert len(steps) <= MOST_STEPS
    assert all(0 < len(step.lines) <= MOST_LINES for step in steps)


pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")
RED: dict[str, Any] = {"checks": [{"name": "test", "conclusion": "FAILURE", "log": [["Run tests", "1 == 2\nboom"]]}]}


def asking(tmp_path: Path) -> Gh:
    (tmp_path / "gh").mkdir()
    (tmp_path / "gh" / "config.yml").write_text(f"http_unix_socket: {tmp_path}/gh.sock\n")
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "GH_CONFIG_DIR": str(tmp_path / "gh"),
        "GH_TOKEN": "x",
    }
    return Gh(environ, Budget(tmp_path / "budget.json"), timeout_seconds=20)


def test_the_real_gh_prints_what_is_read(tmp_path: Path) -> None:
    gh = asking(tmp_path)
    with serve(World(RED, {}), tmp_path / "gh.sock"):
        [step] = failed_steps(gh.failed_log(KEY, 1000))
        assert str(step) == "test / Run tests:\n1 == 2\nboom"
        with pytest.raises(GitHubProblem):
            gh.failed_log(KEY, 4711)


def test_a_limit_that_the_log_meets_is_everybodys(tmp_path: Path) -> None:
    gh = asking(tmp_path)
    world = World({**RED, "logs": {"status": 403, "body": "You have exceeded a secondary rate limit."}}, {})
    with serve(world, tmp_path / "gh.sock"):
        for _ in range(2):
            with pytest.raises(GitHubProblem) as met:
                gh.failed_log(KEY, 1000)
            assert met.value.kind is ProblemKind.SECONDARY_LIMIT
    assert len(world.asked) == 1
