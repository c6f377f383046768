"""Rows of dialogs on recorded screens, and none on any other screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.dialogs.dialog_answers import DialogAnswer, answer_to, review_says
from fleetscripts.core.dialogs.dialog_policy import DECISIONS, RECOVERIES, DialogContext, forbidden, rule
from fleetscripts.core.dialogs.dialog_rows import DialogRow, Menu, Tab, find_menu, row_named
from fleetscripts.errors import Refusal
from fleetscripts.models import ActionKind, DialogKind
from tests.places import BUNDLE

SCREENS = BUNDLE / "tests" / "screens"
KNOWN = DialogContext(trusted_folder=True, trust_doubt="", bypass_configured=True, settings_deny="")


def recorded(name: str) -> Menu | None:
    return find_menu((SCREENS / f"{name}.txt").read_text(encoding="utf-8").split("\n"))


@pytest.mark.parametrize(
    ("name", "rows", "focus"),
    [
        ("claude/2.1.329-api-140x45/dialog-trust", ["No, exit", "Yes, I trust this folder"], 0),
        ("claude/2.1.100-oauth-140x45/dialog-trust", ["Yes, I trust this folder", "No, exit"], 0),
        ("claude/2.0.76-api-140x45/dialog-trust", ["Yes, proceed", "No, exit"], 0),
        ("claude/2.1.329-oauth-140x45/dialog-bypass", ["No, exit", "Yes, I accept"], 0),
        ("claude/2.1.100-oauth-140x45/dialog-bypass", ["No, exit", "Yes, I accept"], 0),
        (
            "claude/2.1.329-api-140x45/dialog-settings-error",
            ["Fix with Claude", "Exit and fix manually", "Continue without these settings"],
            0,
        ),
        ("claude/2.1.100-oauth-140x45/limit-wall", ["Stop and wait for limit to reset", "Upgrade your plan"], 0),
        ("claude/2.1.329-api-140x45/dialog-question", ["A", "B", "Type something.", "Chat about this"], 0),
        (
            "claude/2.1.329-api-140x45/dialog-mcp",
            [
                "Use this MCP server",
                "Use this and all future MCP servers in this project",
                "Continue without using this MCP server",
            ],
            2,
        ),
        ("codex/0.169.0-default-140x45/dialog-trust", ["Trust and continue", "Back to Agent Command Center"], 0),
    ],
)
def test_rows_and_focus_are_read_from_the_clients_dialogs(name: str, rows: list[str], focus: int) -> None:
    menu = recorded(name)
    assert menu is not None
    assert list(menu.texts) == rows
    assert menu.focus == focus
    assert not menu.several


def test_a_dialog_of_several_questions_says_so() -> None:
    menu = recorded("claude/2.1.329-api-140x45/dialog-questions-three")
    assert menu is not None
    assert menu.several
    assert "Next" in menu.texts
    assert menu.tabs == (Tab("Q1", False), Tab("Q2", False), Tab("Q3", False))
    assert menu.question == ("Question 1?",)
    assert [(row.label, row.checked) for row in menu.rows[:2]] == [("A", False), ("B", False)]


NARROW = "claude/2.1.329-oauth+default-47x45"


def test_an_answer_names_rows_that_answer_and_no_others() -> None:
    one, many = recorded(f"{NARROW}/dialog-questions-several"), recorded(f"{NARROW}/dialog-question-many")
    assert one is not None
    assert many is not None
    assert answer_to(one, "use a", "w").text == "Use a loop"
    assert answer_to(many, "ask the owner, keep", "w").text == "Keep the sum, Ask the owner"
    for shown, text in ((one, "Keep the sum, Use a loop"), (one, "Chat"), (many, "Next"), (many, "keep, none")):
        with pytest.raises(Refusal, match=r"expected .* to name one row"):
            answer_to(shown, text, "w")


def test_an_answer_that_spends_money_is_left_to_a_person() -> None:
    with pytest.raises(Refusal, match="it may spend money"):
        answer_to(menu("Wait", "Buy extra usage"), "Buy", "w")


@pytest.mark.parametrize(
    ("lines", "answered", "says"),
    [
        (("Review your answers", "● Which way?", "→ Left", "● Which", "files?", "→ A, B"), True, True),
        (("Review your answers", "● Which way?", "→ Left", "● Which files?", "→ A, B", "● More?", "→ C"), True, False),
        (("Review your answers", "● Which way?", "→ Right", "● Which files?", "→ A, B"), True, False),
        (("Review your answers", "● Which files?", "→ A, B", "● Which way?", "→ Left"), True, False),
        (("Review your answers", "● Which way?", "→ Left"), True, False),
        (("Review your answers", "● Which way?", "→ Left", "● Which files?", "→ A, B"), False, False),
        (("● Which way?", "→ Left", "● Which files?", "→ A, B", "Ready to submit your", "answers?"), True, True),
        ((), True, False),
    ],
)
def test_a_review_counts_only_when_it_lists_just_the_answers(
    lines: tuple[str, ...], answered: bool, says: bool
) -> None:
    rows = (DialogRow("Submit answers", 1, True), DialogRow("Cancel", 2))
    review = Menu(rows, lines, True, (Tab("Way", True), Tab("Files", answered)))
    answers = [
        DialogAnswer(("Which way?",), ("Left", "Right"), (0,)),
        DialogAnswer(("Which files?",), ("A", "B", "C"), (0, 1), many=True),
    ]
    assert review_says(review, answers) is says


@pytest.mark.parametrize("sidecar", sorted(SCREENS.glob("*/*/prompt-*.json")), ids=lambda path: f"{path.parent.name}")
def test_a_prompt_shows_no_rows_whatever_it_quotes(sidecar: Path) -> None:
    screen = sidecar.with_suffix(".txt")
    if json.loads(sidecar.read_text(encoding="utf-8")).get("expect") in (None, "prompt") and screen.exists():
        assert find_menu(screen.read_text(encoding="utf-8").split("\n")) is None


@given(st.lists(st.text(alphabet="❯›> 12.AbYes─│╌[]✔\xa0", max_size=30), max_size=40))
def test_any_screen_is_read_without_harm(lines: list[str]) -> None:
    menu = find_menu(lines)
    if menu is not None:
        assert len(menu.rows) > 1
        assert menu.rows[menu.focus].focused


def menu(*texts: str) -> Menu:
    return Menu(tuple(DialogRow(text, n + 1, n == 0) for n, text in enumerate(texts)))


def test_a_row_is_named_by_its_text_or_a_beginning_that_is_its_alone() -> None:
    shown = menu("Yes", "Yes, and don't ask again", "No (esc)")
    assert row_named(shown, "yes") == 0
    assert row_named(shown, "no") == 2
    assert row_named(shown, "Yes, and") == 1
    assert row_named(menu("Apple one", "Apple two"), "apple") is None
    assert row_named(shown, "2") is None
    assert row_named(shown, "") is None


@pytest.mark.parametrize(
    ("kind", "rows", "chosen"),
    [
        (DialogKind.TRUST, ["No, exit", "Yes, I trust this folder"], "Yes, I trust this folder"),
        (DialogKind.TRUST, ["Yes, proceed", "No, exit"], "Yes, proceed"),
        (DialogKind.BYPASS, ["No, exit", "Yes, I accept"], "Yes, I accept"),
        (
            DialogKind.SETTINGS,
            ["Fix with Claude", "Continue without these settings"],
            "Continue without these settings",
        ),
        (DialogKind.RESUME, ["Resume from summary", "Resume full session as-is"], "Resume full session as-is"),
        (
            DialogKind.LIMIT,
            ["Switch to usage credits", "Upgrade your plan", "Stop and wait for limit to reset"],
            "Stop and wait for limit to reset",
        ),
        (
            DialogKind.LIMIT,
            ["Stop and wait for limit to reset", "Wait here, then continue automatically at 3am", "Buy more"],
            "Wait here, then continue automatically at 3am",
        ),
    ],
)
def test_recoveries_choose_by_text(kind: DialogKind, rows: list[str], chosen: str) -> None:
    shown = menu(*rows)
    ruling = rule(kind, shown, KNOWN)
    assert ruling.kind is ActionKind.RECOVERY
    assert ruling.row is not None
    assert shown.rows[ruling.row].text == chosen


@pytest.mark.parametrize("kind", [kind for kind in DialogKind if kind not in RECOVERIES])
def test_everything_else_is_a_decision(kind: DialogKind) -> None:
    assert rule(kind, menu("Yes", "No"), KNOWN).kind is ActionKind.DECISION
    assert kind in DECISIONS or kind is DialogKind.OTHER


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (DialogKind.TRUST, ["No, exit", "Yes, I trust this folder"]),
        (DialogKind.BYPASS, ["No, exit", "Yes, I accept"]),
        (DialogKind.SETTINGS, ["Fix with Claude", "Continue without these settings"]),
    ],
)
def test_without_knowledge_of_the_place_they_are_decisions_too(kind: DialogKind, rows: list[str]) -> None:
    assert rule(kind, menu(*rows), DialogContext()).kind is ActionKind.DECISION


def test_unreadable_or_unknown_rows_are_decisions() -> None:
    for kind in RECOVERIES:
        assert rule(kind, None, KNOWN).kind is ActionKind.DECISION
        assert rule(kind, menu("Proceed", "Stop"), KNOWN).kind is ActionKind.DECISION
    assert rule(None, menu("Yes", "No"), KNOWN).kind is ActionKind.DECISION


@pytest.mark.parametrize(
    "text",
    [
        "Switch to usage credits",
        "Upgrade your plan",
        "Add funds",
        "Buy extra usage for $5",
        "Yes, and don't ask again for git commands",
        "Yes, allow all edits during this session (shift+tab)",
        "Yes, and switch to auto mode",
        "Use this and all future MCP servers in this project",
        "Trust all and continue",
        "Approve for me",
    ],
)
def test_money_and_standing_permissions_are_left_to_a_person(text: str) -> None:
    assert forbidden(text)


@given(
    st.sampled_from(list(DialogKind)),
    st.lists(
        st.sampled_from(
            ["Wait here, then continue automatically and upgrade", "Stop and wait", "Yes, I accept", "Yes, proceed",
             "Stop and wait for limit to reset", "Resume full session as-is", "Buy credits", "No"]
        ),
        min_size=2, max_size=6, unique=True,
    ),
)  # fmt: skip
def test_no_ruling_ever_chooses_what_is_forbidden(kind: DialogKind, rows: list[str]) -> None:
    ruling = rule(kind, menu(*rows), KNOWN)
    assert ruling.row is None or not forbidden(rows[ruling.row])
