"""setup: twice as once, undone without a trace, and nothing written that nobody agreed to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.permissions.allow_rules import allow_rules, rules_missing, with_rules, without_rules
from tests.conftest import RunScript
from tests.places import BUNDLE

RULES = allow_rules("/home/me/.claude/skills/orchestrate/scripts")
VALUES = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda v: st.lists(v, max_size=3))
OTHERS = st.lists(st.sampled_from(["Bash(ls:*)", "Read(~/x)", "Skill(a)"]), unique=True)
SETTINGS = st.dictionaries(st.sampled_from(["model", "hooks", "env"]), VALUES)


def test_it_links_where_no_folder_is_and_twice_is_as_once(run_script: RunScript, home: Path) -> None:
    first = run_script("setup")
    link = home / ".claude" / "skills" / "orchestrate"
    assert link.resolve() == BUNDLE, first.stdout + first.stderr
    assert "not written" in first.stdout
    assert not (home / ".claude" / "settings.json").exists(), "nobody agreed"
    assert run_script("setup").stdout == first.stdout
    assert f"ok: skill: {link}" in first.stdout


def test_rules_are_written_with_consent_and_undone_without_a_trace(run_script: RunScript, home: Path) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    before = {"model": "größe", "permissions": {"allow": ["Bash(ls:*)"], "deny": ["Read(x)"]}}
    settings.write_text(json.dumps(before))
    assert "written" in run_script("setup", "--yes").stdout
    written = json.loads(settings.read_text())
    assert written["permissions"]["allow"][0] == "Bash(ls:*)"
    assert f"Bash({home}/.claude/skills/orchestrate/scripts/status:*)" not in before["permissions"]
    assert len(written["permissions"]["allow"]) > 10
    assert run_script("setup", "--yes").returncode in (0, 3)
    assert json.loads(settings.read_text()) == written
    assert run_script("setup", "--undo").returncode == 0
    assert json.loads(settings.read_text()) == before
    assert not (home / ".claude" / "skills" / "orchestrate").is_symlink()
    assert run_script("setup", "--undo").returncode == 0


def test_check_changes_nothing_and_says_what_mends_it(run_script: RunScript, home: Path) -> None:
    done = run_script("setup", "--check")
    assert done.returncode == 3
    assert not (home / ".claude").exists()
    assert "missing: skill: " in done.stdout
    assert all("; to mend it: " in line for line in done.stdout.splitlines() if line.startswith("missing"))


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\x00"])
def test_settings_that_are_not_understood_are_left_as_they_are(run_script: RunScript, home: Path, text: str) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(text)
    done = run_script("setup", "--yes")
    assert (done.returncode, settings.read_text()) == (1, text)
    assert str(settings) in done.stderr


def test_what_somebody_put_in_the_links_place_stays(run_script: RunScript, home: Path) -> None:
    place = home / ".claude" / "skills" / "orchestrate"
    place.mkdir(parents=True)
    assert run_script("setup").returncode == 1
    assert run_script("setup", "--undo").returncode == 0
    assert place.is_dir()


def test_a_link_to_another_copy_is_named_and_stays(run_script: RunScript, home: Path) -> None:
    link = home / ".claude" / "skills" / "orchestrate"
    link.parent.mkdir(parents=True)
    link.symlink_to("/opt/older-copy")
    assert f"{link}, found a link to /opt/older-copy: move it away" in run_script("setup").stderr
    assert str(link.readlink()) == "/opt/older-copy"


def test_no_rule_covers_a_script_with_arguments_that_need_a_question() -> None:
    for name in ("recycle-agent", "interrupt-agent", "rescue-agent", "evaluate", "update-agent", "cl", "setup"):
        assert not [rule for rule in RULES if f"/{name}" in rule]


@given(SETTINGS, st.none() | OTHERS, st.lists(st.sampled_from(RULES), unique=True))
def test_adding_and_removing_rules_leaves_the_rest(
    rest: dict[str, object], others: list[str] | None, had: list[str]
) -> None:
    settings = (
        dict(rest) if others is None else {**rest, "permissions": {"allow": [*others, *had], "defaultMode": "plan"}}
    )
    added = with_rules(settings, RULES)
    assert rules_missing(added, RULES) == []
    assert with_rules(added, RULES) == added
    gone = without_rules(added, RULES)
    assert gone == (rest if others is None else {**rest, "permissions": {"allow": others, "defaultMode": "plan"}})
