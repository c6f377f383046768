"""The table of gates: what a row brings with it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.commands import evaluate, verify_complete
from fleetscripts.core.gates import gate_table
from fleetscripts.core.gates.gate_table import GATES, Gate, GateEvidence, ask_gates, is_gate
from fleetscripts.core.gates.gates import CommandEvidence, GateResult, PinsEvidence, RemoteEvidence, WorktreeEvidence
from fleetscripts.services.context import load_fleet
from tests.fake_github.hub import Branches, branches

HEAD = "a" * 40
GOOD = GateEvidence(
    steps=(),
    checkpoints=(),
    worktree=WorktreeEvidence("feat/x", "feat/x", HEAD),
    remote=lambda: RemoteEvidence("origin", exists=True),
    command=CommandEvidence,
    pins=PinsEvidence,
    without_pull=GateResult.passed("pull_request", "none"),
)


def _license(evidence: GateEvidence) -> GateResult:
    return GateResult.failed("license", f"no licence at {evidence.worktree.head[:7]} in {evidence.touched()}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Branches:
    return branches(tmp_path_factory.mktemp("gates") / "git", 1)


def test_each_gate_has_one_name_and_one_way_to_answer() -> None:
    assert len({gate.name for gate in GATES}) == len(GATES)
    assert GATES[-1].name == "verify_command"
    assert not is_gate("T0")


def test_every_gate_that_answers_is_in_the_table() -> None:
    said = [result.name for result in ask_gates(GOOD)]
    assert said == [gate.name for gate in GATES if gate.name in said]
    assert {"steps", "pull_request", "clean", "branch", "pushed", "verify_command"} == set(said)


def test_the_command_waits_until_the_others_can_be_told() -> None:
    asked: list[str] = []

    def command() -> CommandEvidence:
        asked.append("run")
        return CommandEvidence("make", 0)

    waiting = replace(
        GOOD, command=command, has_command=True, without_pull=GateResult.pending("pull_request", "on its way")
    )
    assert ask_gates(waiting)[-1].evidence == "run once the others are decided"
    assert not asked
    assert ask_gates(replace(GOOD, command=command, has_command=True))[-1].evidence == "make: exit code 0"


@pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")
def test_a_new_row_is_measured_shown_and_overridden(
    built: Branches,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (home / "fleet").mkdir()
    (home / "fleet" / "config.toml").write_text("notify_desktop = false\n")
    work = built.work(home, tmp_path / "gh.sock")
    monkeypatch.setattr(gate_table, "GATES", (*GATES[:-1], Gate("license", _license), GATES[-1]))
    for name, value in work.environment.items():
        monkeypatch.setenv(name, str(value))
    with work.serve({11: {}}) as hub:
        assert verify_complete.main(["fleet:1"]) == 3
        assert "no licence at" in capsys.readouterr().out
        assert hub.requests == 1
        assert evaluate.main(["fleet:1", "--pass", "it works"]) == 3
        assert evaluate.main(["fleet:1", "--pass", "it works", "--override", "license", "comes later"]) == 0
    assert work.agent()["state"] == "done"
    settings, _ = load_fleet(os.environ)
    (line,) = [line for line in Journal(settings.journal_file).read() if line["event"] == "override"]
    assert (line["gate"], line["why"]) == ("license", "comes later")
