"""Reviews: which verdict counts for which commit, what waits for one, and when no task is started for that."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.commands import capacity
from fleetscripts.config import load_settings
from fleetscripts.core.gates.completion import checkpoints
from fleetscripts.core.gates.review import given as judged
from fleetscripts.core.gates.review import reviewed, unreviewed, verdict_in
from fleetscripts.services.spawning.dispatch import dispatch
from tests.places import GitRepo
from tests.records import agent_with

HEAD, OTHER = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (f"ORCHESTRATOR:REVIEW PASS {HEAD}", "PASS"),
        (f"Fine.\nORCHESTRATOR:REVIEW PASS {HEAD[:12]}\nORCHESTRATOR:DONE", "PASS"),
        (f"ORCHESTRATOR:REVIEW FAIL {HEAD}", "FAIL"),
        (f"ORCHESTRATOR:REVIEW FAIL {HEAD}\nORCHESTRATOR:REVIEW PASS {HEAD}", "PASS"),
        (f"ORCHESTRATOR:REVIEW PASS {OTHER}", ""),
        (f"ORCHESTRATOR:REVIEW PASS {HEAD[:7]}", ""),
        (f"ORCHESTRATOR:REVIEW PASS {HEAD[:11]}f", ""),
        (f"ORCHESTRATOR:REVIEW {HEAD}", ""),
        (f"ORCHESTRATOR:REVIEW MAYBE {HEAD}", ""),
        (f"> ORCHESTRATOR:REVIEW PASS {HEAD}", ""),
        (f"I will write ORCHESTRATOR:REVIEW PASS {HEAD}", ""),
        (f"```\nORCHESTRATOR:REVIEW PASS {HEAD}\n```", ""),
        (f"CHECKPOINT:REVIEW PASS {HEAD}", "PASS"),
        ("", ""),
    ],
)
def test_only_a_line_of_its_own_outside_of_a_fence_with_this_commit_is_a_verdict(said: str, verdict: str) -> None:
    assert verdict_in(checkpoints(said), HEAD) == verdict
    reviewer = agent_with("s:1", checkpoints=checkpoints(said)).changed(task={"reviews": "x", "reviewed_head": HEAD})
    assert (str(judged(reviewer).status) == "pass") is bool(verdict)


@given(st.text("0123456789abcdef", min_size=40, max_size=40), st.text("0123456789abcdef", min_size=40, max_size=40))
def test_a_verdict_on_one_commit_is_none_on_another(one: str, other: str) -> None:
    said = checkpoints(f"ORCHESTRATOR:REVIEW PASS {one}")
    assert bool(verdict_in(said, other)) is (one == other)
    assert verdict_in(said, "") == ""


@pytest.mark.parametrize(
    ("review", "head", "status"),
    [
        (None, HEAD, "pending"),
        ({"head": OTHER, "verdict": "PASS"}, HEAD, "pending"),
        ({"head": HEAD, "verdict": "PASS"}, "", "pending"),
        ({"head": HEAD, "verdict": "PASS"}, HEAD, "pass"),
        ({"head": HEAD, "verdict": "FAIL"}, HEAD, "fail"),
        ({"head": HEAD}, HEAD, "fail"),
    ],
)
def test_the_gate_holds_for_the_commit_that_was_reviewed(review: Any, head: str, status: str) -> None:
    assert str(reviewed(review, head, call="call").status) == status


@pytest.mark.parametrize(
    ("state", "verdict", "task", "waits"),
    [
        ("complete", {}, {}, True),
        ("pending_evaluation", {"head": HEAD}, {}, True),
        ("pending_evaluation", {"head": HEAD, "review": {"head": HEAD, "verdict": "PASS"}}, {}, False),
        ("pending_evaluation", {"head": HEAD, "review": {"head": OTHER, "verdict": "PASS"}}, {}, True),
        ("complete", {"head": HEAD, "review": {"head": HEAD, "verdict": "FAIL"}}, {}, True),
        ("complete", {}, {"reviews": "x"}, False),
        ("running", {}, {}, False),
        ("done", {}, {}, False),
    ],
)
def test_finished_work_waits_for_a_review_until_its_commit_has_one(
    state: str, verdict: dict[str, Any], task: dict[str, Any], waits: bool
) -> None:
    agent = agent_with("s:1", state=state, verdict=verdict).changed(task=task)
    assert bool(unreviewed([agent])) is waits


def configured(home: Path, text: str) -> None:
    (home / "fleet").mkdir(mode=0o700, exist_ok=True)
    (home / "fleet" / "config.toml").write_text(text)


def test_no_task_is_begun_while_more_than_so_much_work_waits(
    home: Path, git_repo: GitRepo, capsys: pytest.CaptureFixture[str]
) -> None:
    agents = [{"window": f"s:{n}", "id": f"a{n}", "worktree": f"w{n}", "state": "complete"} for n in range(2)]
    (home / "state.json").write_text(json.dumps({"agents": agents}))
    for most, begun in ((1, False), (2, True), (0, True)):
        configured(home, f"[review]\nmost_waiting = {most}\n")
        said = " ".join(dispatch(load_settings(os.environ), os.environ, time.time()).lines)
        assert ("no task is started (w0, w1)" in said) is not begun
    assert capacity.main([str(git_repo.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unreviewed"] == 2


@pytest.mark.parametrize("line", ["required = 1", "most_waiting = -1", "most_waiting = 'many'", "requires = true"])
def test_a_wrong_setting_is_one_line(home: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    configured(home, f"[review]\n{line}\n")
    (home / "state.json").write_text(json.dumps({"agents": [{"window": "s:1", "state": "complete"}]}))
    from fleetscripts.commands import tasks

    assert tasks.main(["dispatch"]) == 2
    said = capsys.readouterr().err
    assert "review" in said
    assert said.count("\n") == 1
