"""What the loop makes of a verdict that stays: nothing for the agent to hear, one notice for a person."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.models import Action, ActionKind
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.verify_done import verify_agent
from fleetscripts.services.context import load_fleet
from tests.fake_github.hub import Branches, Work, branches

pytestmark = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")

VERIFY = Action("", "", "verify", ActionKind.RECOVERY, "it says that it has finished", {})
PENDING = {"checks": [{"name": "slow", "status": "IN_PROGRESS"}]}
BROKEN = {"http": {"status": 502, "body": "<html>502</html>"}}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Branches:
    return branches(tmp_path_factory.mktemp("hub") / "git", 1)


@pytest.fixture
def work(built: Branches, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    made = built.work(home, tmp_path / "gh.sock")
    (home / "fleet").mkdir()
    (home / "fleet" / "config.toml").write_text("notify_desktop = false\n")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, str(value))
    return made


def verify_once() -> str:
    settings, fleet = load_fleet(os.environ)
    return verify_agent(Case(fleet.agents[0], VERIFY, fleet, settings, dict(os.environ)))


def told(home: Path) -> list[dict[str, Any]]:
    file = home / "fleet" / "events.jsonl"
    lines = map(json.loads, file.read_text().splitlines()) if file.exists() else []
    return [line for line in lines if line["event"] == "verdict-lasts"]


def earlier(work: Work, seconds: float) -> None:
    """As if the present verdict had come so long ago."""
    work.record(**{**work.agent(), "verdict": {**work.agent()["verdict"], "since": time.time() - seconds}})


@pytest.mark.parametrize(
    ("situation", "outcome", "patience"),
    [(PENDING, "pending", 7200), (BROKEN, "unknown", 900)],
    ids=["pending", "unknown"],
)
def test_a_verdict_that_stays_is_told_of_once(
    work: Work, home: Path, situation: dict[str, Any], outcome: str, patience: float
) -> None:
    with work.serve({11: situation}) as hub:
        hub.situation.update({"http": situation["http"]} if "http" in situation else {})
        assert verify_once().startswith(outcome)
        assert work.agent()["verdict"]["since"] == pytest.approx(time.time(), abs=20)
        assert told(home) == []
        earlier(work, patience - 60)
        assert verify_once().startswith(outcome)
        assert told(home) == []
        earlier(work, patience + 60)
        assert verify_once().endswith("told of it")
        verify_once()
        assert [line["outcome"] for line in told(home)] == [outcome]


def test_a_record_that_is_wrong_is_a_persons_matter_at_once(work: Work, home: Path) -> None:
    work.record(pr_number="99")
    with work.serve({11: {}}):
        said = verify_once()
    assert said.startswith("not_complete: github fail: acme/widget#99: Could not resolve to a PullRequest")
    assert said.endswith("told of it")
    assert work.agent().get("revision_count", 0) == 0
    assert [line["outcome"] for line in told(home)] == ["not_complete"]


def test_another_verdict_begins_anew(work: Work, home: Path) -> None:
    with work.serve({11: PENDING}):
        verify_once()
        earlier(work, 9000)
        verify_once()
        assert work.agent()["verdict"]["told_at"] > 0
    with work.serve({11: {}}):
        assert verify_once().startswith("every gate holds: pending_evaluation")
    assert work.agent()["verdict"]["outcome"] == "verified"
    assert "told_at" not in work.agent()["verdict"]
    assert len(told(home)) == 1


def test_the_verify_command_is_not_run_while_checks_are_pending(work: Work, tmp_path: Path) -> None:
    work.record(verify_command=f"touch {tmp_path}/ran")
    with work.serve({11: PENDING}):
        assert "verify_command pending: run once the others are decided" in verify_once()
    assert not (tmp_path / "ran").exists()
    with work.serve({11: {}}):
        assert verify_once().startswith("every gate holds")
    assert (tmp_path / "ran").exists()
