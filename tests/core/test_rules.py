"""The rows of the rules files: each proved by a recording, each linear on hostile text, a bad one refused by name."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from fleetscripts.agents.kinds import kind_named, known_kinds
from fleetscripts.core.planning.classify import CUT_OFF, NOT_YET_DRAWN
from fleetscripts.core.planning.rescue import CONTINUES
from fleetscripts.core.screen import sgr
from fleetscripts.core.screen.reading import SHELL, Reader
from fleetscripts.core.screen.rule_pattern import problem_of
from fleetscripts.core.screen.rules import BINARY_TEXT, RuleError, RuleSet, parse_rules
from fleetscripts.core.screen.screen import Layout, Region, Screen, region_of
from fleetscripts.core.screen.shell_layout import SHELL_REGIONS, shell_layout
from fleetscripts.services.observe.rule_files import load_rules
from tests.places import BUNDLE
from tests.scoring import recordings, shipped_rules

ROW = '[[rule]]\nname = "mine"\nregion = "footer"\nall = "busy"\nstate = "running"\nseen = "9.9"\n'


def _matched_rules() -> set[tuple[str, str]]:
    """Every rule that holds for its region in at least one recording."""
    sets = shipped_rules()
    matched: set[tuple[str, str]] = set()
    for recording in recordings():
        kind = recording.truth["agent"]
        for capture in recording.captures():
            screen = Screen.of(capture.read_text(encoding="utf-8").split("\n"), recording.truth["tmux"]["title"] or "")
            layout = kind_named(kind).layout(screen, sets[kind].finds)
            matched |= {(kind, rule.name) for rule in sets[kind].rules if _holds(rule.region, rule, layout, screen)}
            if layout.box is not None:
                typed = region_of(layout.box.draft.splitlines()[:1])
                matched |= {("shell", r.name) for r in sets["shell"].by_region.get("in_box", ()) if r.matches(typed)}
            else:
                shell = shell_layout(screen.texts, layout.region("dialog").lines)
                matched |= {("shell", r.name) for r in sets["shell"].rules if r.matches(shell.region(r.region))}
    return matched


def _holds(region: str, rule: object, layout: Layout, screen: Screen) -> bool:
    if region == "title":
        return rule.matches(Region((screen.title,), screen.title.strip()))  # type: ignore[attr-defined]
    if region in ("suggestion", "fresh"):
        box = layout.box
        words = " ".join((box.draft or box.suggestion).split()) if box else ""
        return rule.matches(Region((words,), words))  # type: ignore[attr-defined]
    if region == "ending":
        return rule.matches(layout.region("footer"))  # type: ignore[attr-defined]
    if region == "aside":
        return any(rule.matches(Region((text,), text.strip())) for text in screen.texts if text.strip())  # type: ignore[attr-defined]
    return rule.matches(layout.region(region))  # type: ignore[attr-defined]


def test_every_rule_is_matched_by_a_recording_or_says_that_it_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    matched = _matched_rules()
    own = {kind.rules: kind.name for kind in reversed(known_kinds())}
    sets = {kind: shipped_rules()[kind].rules for kind in (*own.values(), SHELL)}
    rules = [(kind, rule) for kind in sets for rule in sets[kind] if kind == SHELL or rule.region not in SHELL_REGIONS]
    recorded = {SHELL, *(recording.truth["agent"] for recording in recordings())}
    unproved = {(kind, rule.name) for kind, rule in rules if rule.seen == BINARY_TEXT or kind not in recorded}
    with capsys.disabled():
        print(f"\n{len(rules) - len(unproved)} rules with recordings, {len(unproved)} from the clients' texts only")
    assert {(kind, rule.name) for kind, rule in rules} - matched - unproved == set()
    assert unproved & matched == set(), "these rules have a recording by now: name its version in `seen`"


@pytest.mark.parametrize("name", [NOT_YET_DRAWN, CUT_OFF, CONTINUES])
def test_a_row_that_code_asks_for_by_its_name_exists_and_says_so(name: str) -> None:
    texts = [file.read_text(encoding="utf-8") for file in (BUNDLE / "fleetscripts" / "rules").glob("*.toml")]
    marked = f'# The code asks for the next row by its name.\n[[rule]]\nname = "{name}"\n'
    assert [marked in text for text in texts].count(True) == 1


def test_names_are_unique_within_a_file() -> None:
    for rules in shipped_rules().values():
        names = [rule.name for rule in rules.rules]
        assert len(names) == len(set(names))


def test_every_shipped_pattern_is_bounded() -> None:
    for rules in shipped_rules().values():
        for rule in rules.rules:
            for pattern in (*rule.all, *rule.unless, *(pattern for pattern in (rule.line, rule.ending) if pattern)):
                assert problem_of(pattern) == "", f"{rule.name}: {pattern}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: row.replace("footer", "cellar"), "expected a region"),
        (lambda row: row.replace('name = "mine"', ""), "the field name is missing"),
        (lambda row: row.replace('state = "running"', ""), "needs the field state"),
        (lambda row: row.replace('state = "running"', 'state = "asleep"'), "expected state to be one of"),
        (lambda row: row.replace('all = "busy"', ""), "the field all (or line, or ending) is missing"),
        (lambda row: row.replace('"busy"', "'(busy'"), "not a regular expression"),
        (lambda row: row.replace('"busy"', "'(a{0,200}){0,200}b'"), "tries at each place"),
        (lambda row: row.replace('"busy"', "'(?:a|aa)+b'"), "upper bound"),
        (lambda row: row.replace('"busy"', "'a*b'"), "upper bound"),
        (lambda row: row.replace('"busy"', "'(a)\\1'"), "references"),
        (lambda row: row.replace('"busy"', "7"), "expected a pattern"),
        (lambda row: row.replace('seen = "9.9"', ""), "the field seen is missing"),
        (lambda row: row.replace("running", "waiting_approval"), "the field dialog is missing"),
        (lambda row: row.replace("running", "api_error"), "the field error is missing"),
        (lambda row: row.replace("running", "waiting_approval") + 'dialog = "trust"\n', "all of its rows and keys"),
        (lambda row: row + 'colour = "red"\n', "unknown field 'colour'"),
        (lambda row: row + row, "the name is there twice"),
        (lambda row: row + "[[rule", "expected TOML"),
        (lambda row: row + "[other]\n", "expected only [[rule]] rows"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_file_and_row(change: Callable[[str], str], expected: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse_rules(change(ROW), "/home/me/claude.toml")
    assert str(refused.value).startswith("/home/me/claude.toml")
    assert expected in str(refused.value)


def test_a_users_row_takes_the_place_of_a_shipped_one_and_others_are_asked_first(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    own = ROW + ROW.replace("mine", "spinner").replace("busy", "brewing")
    (tmp_path / "rules" / "claude.toml").write_text(own, encoding="utf-8")
    rules = load_rules(tmp_path)["claude"]
    assert rules.rules[0].name == "mine"
    assert [rule.all for rule in rules.rules if rule.name == "spinner"] == [("brewing",)]
    assert len(rules.rules) == len(shipped_rules()["claude"].rules) + 1


def test_a_users_row_decides_on_a_screen(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "claude.toml").write_text(ROW, encoding="utf-8")
    rule = "─" * 60
    screen = Screen.of(["● hello", "", rule, "❯ ", rule, "  my line: busy"])
    assert Reader(load_rules(tmp_path), 0.0, UTC).read(screen).screen.state == "running"
    assert Reader(shipped_rules(), 0.0, UTC).read(screen).screen.state == "prompt"


def _hostile_screens() -> dict[str, list[str]]:
    lines, columns = 300, 500
    box = ["─" * columns, "❯ " + "a" * (columns - 2), "─" * columns]
    baits = {
        "blanks": " " * (columns - 1) + "x",
        "rules": "─" * columns,
        "frames": "│" * columns,
        "round": "╭─" + "│" * (columns - 4) + "─╯",
        "prompts": "❯ " * (columns // 2),
        "rows": "❯ 1. " * (columns // 5),
        "spinner": "✻ " + "a" * (columns - 2),
        "spinners": "✻ a " * (columns // 4),
        "hints": "Enter to Esc to " * (columns // 16),
        "questions": "Do you want to proceed " * (columns // 23),
        "limits": "  ⎿  You've hit your " + "limit resets at " * (columns // 17),
        "errors": "● API Error: " * (columns // 13),
        "digits": "1" * columns,
        "escapes": "\x1b[38;5;1m\x1b[2ma" * (columns // 2),
        "broken escapes": "\x1b[" * columns,
        "trust": "Accessing workspace: Yes, proceed " * (columns // 34),
        "codex": "› " + "• Working (1s • esc to interr " * (columns // 30),
        "codex error": "■ You've hit your " * (columns // 18),
    }
    screens = {name: [bait] * lines for name, bait in baits.items()}
    screens |= {f"{name} over a box": [bait] * (lines - 4) + [*box, "  " + bait] for name, bait in baits.items()}
    screens |= {f"{name} in a dialog": ["─" * columns] + ["  " + bait] * (lines - 1) for name, bait in baits.items()}
    screens |= {f"{name} over a composer": [bait] * (lines - 3) + ["› x", "", "  y"] for name, bait in baits.items()}
    return screens


def _seconds(rules: dict[str, RuleSet], lines: list[str], agent: str) -> float:
    """Of a screen that was not seen before: lines are remembered from one look to the next."""
    reader = Reader(rules, 0.0, UTC)
    taken = []
    for _ in range(5):
        sgr.forget_lines()
        started = time.process_time()
        reader.read(Screen.of(lines), agent)
        taken.append(time.process_time() - started)
    return min(taken)


def test_the_worst_screen_takes_at_most_25_times_a_usual_one(capsys: pytest.CaptureFixture[str]) -> None:
    """300 lines of 500 columns against the recorded screens of about 45 lines of 140."""
    rules = shipped_rules()
    usual = [recording for recording in recordings() if recording.truth["size"] == [140, 45]][:60]
    texts = [(r.captures()[-1].read_text(encoding="utf-8").split("\n"), r.truth["agent"]) for r in usual]
    typical = sorted(_seconds(rules, lines, agent) for lines, agent in texts)[len(texts) // 2]
    worst = {(n, a): _seconds(rules, lines, a) for n, lines in _hostile_screens().items() for a in ("claude", "codex")}
    name, slowest = max(worst.items(), key=lambda item: item[1])
    with capsys.disabled():
        print(f"\nusual {typical * 1e3:.2f} ms, worst {slowest * 1e3:.1f} ms = {slowest / typical:.1f} times: {name}")
    assert slowest <= 25 * typical, name
