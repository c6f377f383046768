"""``classify-pane --screen``: saved captures, one JSON object a line, with no tmux at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunScript
from tests.places import BUNDLE
from tests.scoring import SCREENS

CLAUDE = SCREENS / "claude" / "2.1.329-oauth-140x45"
WALL, BUSY = CLAUDE / "limit-wall.ansi", CLAUDE / "busy-typed.txt"
DIALOG = SCREENS / "codex" / "0.169.0-default-140x45" / "dialog-permission-dangerous.txt"


def _lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_file_gives_one_line_in_order(run_script: RunScript) -> None:
    done = run_script("classify-pane", "--screen", DIALOG, BUSY, WALL)
    assert done.returncode == 0, done.stderr
    found = _lines(done)
    assert [line["screen"] for line in found] == [str(DIALOG), str(BUSY), str(WALL)]
    assert [line["state"] for line in found] == ["waiting_approval", "running", "rate_limited"]
    assert found[0]["dialog"] == "permission"
    assert found[1]["draft"] == "a message typed while busy"
    assert isinstance(found[2]["resets_at"], int)
    assert {"reason", "pane_cmd", "source", "evidence"} <= set(found[2])
    assert "dialog" not in found[1]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(run_script: RunScript, tmp_path: Path) -> None:
    done = run_script("classify-pane", "--screen", tmp_path / "none.txt", WALL)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "none.txt" in done.stderr
    assert [line["state"] for line in _lines(done)] == ["rate_limited"]


def test_a_damaged_sidecar_is_an_error_of_that_file(run_script: RunScript, tmp_path: Path) -> None:
    shutil.copy(BUSY, tmp_path / "case.txt")
    (tmp_path / "case.json").write_text("{half", encoding="utf-8")
    done = run_script("classify-pane", "--screen", tmp_path / "case.txt")
    assert done.returncode == 1
    assert "case.json" in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["--screen"], ["--agent", "emacs", "--screen", "x"], ["a", "b"], ["--wrong"]]
)
def test_bad_usage_is_one_line_and_2(run_script: RunScript, arguments: list[str]) -> None:
    done = run_script("classify-pane", *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_what_is_told_counts_more_than_the_sidecar(run_script: RunScript) -> None:
    idle = run_script("classify-pane", "--command", "zsh", "--screen", BUSY)
    assert _lines(idle)[0]["state"] == "idle"
    titled = run_script(
        "classify-pane", "--title", "⠴ proj", "--agent", "codex", "--screen", DIALOG.parent / "prompt-fresh.txt"
    )
    assert _lines(titled)[0]["state"] == "running"


def test_the_registry_counts_only_with_all_evidence(run_script: RunScript, tmp_path: Path) -> None:
    shutil.copy(CLAUDE / "prompt-fresh.txt", tmp_path / "case.txt")
    side = {"agent": "claude", "size": [140, 45], "tmux": {"command": "claude"}, "registry": [{"status": "busy"}]}
    (tmp_path / "case.json").write_text(json.dumps(side), encoding="utf-8")
    assert _lines(run_script("classify-pane", "--screen", tmp_path / "case.txt"))[0]["state"] == "prompt"
    done = run_script("classify-pane", "--all-evidence", "--screen", tmp_path / "case.txt")
    assert _lines(done)[0]["state"] == "running"


def test_explain_names_the_deciding_rule_and_the_nearest_other(run_script: RunScript) -> None:
    done = run_script("classify-pane", "--explain", "--screen", DIALOG)
    assert "waiting_approval (permission)" in done.stdout
    assert "decided by screen" in done.stdout
    assert "[rule permission-keys]" in done.stdout
    assert "nearest rule that did not match: " in done.stdout
    assert "region dialog: " in done.stdout
    assert "region dialog, its ending: › 1. Yes, proceed (y)" in done.stdout


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("In line for a worker · position 4 (18s)", "none"),
        ("Waiting for your permission", "dialog-held-back (asked of above_box)"),
    ],
)
def test_a_rule_is_near_that_has_half_of_its_longer_words_there(
    run_script: RunScript, tmp_path: Path, line: str, near: str
) -> None:
    rule, file = "─" * 80, tmp_path / "case.txt"
    file.write_text(f"● I run the tests.\n\n✻ {line}\n{rule}\n❯ \n{rule}\n  ⏸ manual mode on\n", encoding="utf-8")
    done = run_script("classify-pane", "--explain", "--agent", "claude", "--screen", file)
    assert f"nearest rule that did not match: {near}\n" in done.stdout


def test_a_bad_rule_of_the_user_is_named_with_its_file(run_script: RunScript, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "claude.toml").write_text('[[rule]]\nname = "x"\nregion = "attic"\n', encoding="utf-8")
    done = run_script("classify-pane", "--screen", BUSY, env={"FLEET_HOME": str(tmp_path)})
    assert done.returncode == 1
    assert "claude.toml: row 1 (x): expected a region" in done.stderr


def test_bytes_that_are_no_text_are_classified_unknown(run_script: RunScript, tmp_path: Path) -> None:
    (tmp_path / "noise.txt").write_bytes(bytes(range(256)) * 40)
    done = run_script("classify-pane", "--screen", tmp_path / "noise.txt")
    assert done.returncode == 0
    assert _lines(done)[0]["state"] == "unknown"


def test_saved_screens_load_neither_tmux_nor_locks() -> None:
    program = (
        "import sys; from fleetscripts.commands import classify_pane; "
        f"classify_pane.main(['--screen', {str(BUSY)!r}]); "
        "print(sorted(set(sys.modules) & {'libtmux', 'filelock', 'rich', 'fleetscripts.adapters.records.locks'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=BUNDLE, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
